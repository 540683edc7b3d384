# The media relay: each datagram of the media group goes on, as it is, to everyone on the service network.
# Usage: relay.pl OWN-ADDRESS GROUP PORT BROADCAST-ADDRESS SOURCE-PORT SERVICE-INTERFACE
# Two system calls per packet and nothing else, for under emulation every call is dear. The language is the one Debian always
# has; its libraries stay outside (no `use`), so the numbers are those of Linux's headers.
my ($own, $group, $port, $broadcast, $source_port, $interface) = @ARGV;
my ($AF_INET, $SOCK_DGRAM, $UDP, $IP, $IP_ADD_MEMBERSHIP) = (2, 2, 17, 0, 35);
my ($SOCKET, $SO_BROADCAST, $SO_RCVBUF, $SO_BINDTODEVICE) = (1, 6, 8, 25);

sub ip { pack 'C4', split /\./, $_[0] }
sub address { pack 'S n a4 x8', $AF_INET, $_[0], ip($_[1]) }

socket my $in, $AF_INET, $SOCK_DGRAM, $UDP or die "socket: $!\n";
setsockopt $in, $SOCKET, $SO_RCVBUF, pack 'i', 262144 or die "receive buffer: $!\n";
setsockopt $in, $IP, $IP_ADD_MEMBERSHIP, ip($group) . ip($own) or die "join $group: $!\n";
bind $in, address($port, $group) or die "bind $group:$port: $!\n";

socket my $out, $AF_INET, $SOCK_DGRAM, $UDP or die "socket: $!\n";
setsockopt $out, $SOCKET, $SO_BROADCAST, pack 'i', 1 or die "broadcast: $!\n";
setsockopt $out, $SOCKET, $SO_BINDTODEVICE, "$interface\0" or die "bind to $interface: $!\n";
bind $out, address($source_port, '0.0.0.0') or die "bind port $source_port: $!\n";
connect $out, address($port, $broadcast) or die "connect $broadcast: $!\n";
syswrite STDOUT, "open\n"; # init waits for it: from here on an answered ARP request is a promise.
close STDOUT;

# A packet that cannot be sent (interface down) is lost, as on any wire; the relay goes on with the next.
my $packet;
while (defined recv $in, $packet, 2048, 0) { send $out, $packet, 0 }
die "receive: $!\n";
