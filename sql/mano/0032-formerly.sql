-- What VNFCs are made of that are to go, or to be made anew, while a VNF of their NS becomes something else: NSD and VNFD as JSON; null: nothing.
alter table own_descriptors add column formerly text;
