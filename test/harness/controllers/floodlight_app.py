"""A real OpenFlow controller (os-ken) that is asked by REST as Floodlight 1.x is: the static entry pusher and what the connector reads.

    osken-manager --ofp-listen-host HOST --ofp-tcp-listen-port PORT floodlight_app.py     with REST=HOST:PORT in the environment

OpenFlow 1.0 and 1.3. Entries are kept in memory by their names; a switch that connects has its tables wiped and gets what is kept. What is pushed is
answered with 200 before it is sent, and what the switch says to it stands in the log.
"""
import json
import os
import re
import time

import eventlet
from eventlet import wsgi
from os_ken.app.ofctl import api
from os_ken.base import app_manager
from os_ken.controller import ofp_event
from os_ken.controller.handler import DEAD_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
from os_ken.lib import hub
from os_ken.ofproto import ofproto_v1_0, ofproto_v1_3

COOKIE = 10 << 52
POEM = {"   ": "An error has occurred while proccesing your request,", "Valid statistics and features are": ["flow", "port"]}
GROUP_TYPES = {"all": 0, "select": 1, "indirect": 2, "fast_failover": 3}
GROUP_NAMES = {0: "ALL", 1: "SELECT", 2: "INDIRECT", 3: "FF"}
VID_PRESENT = 0x1000
ANY = 0xFFFFFFFF


def cookie_of(name):
    hash_ = 2311
    for c in name:
        hash_ = (hash_ * 211 + ord(c)) & 0xFFFFFFFF
    return COOKIE | hash_


def dpid_text(dp):
    return ":".join(re.findall("..", "%016x" % dp.id))


def signed(n):
    return n - (1 << 32) if n >= 1 << 31 else n


class Wording13:
    version = "OF_13"

    @staticmethod
    def match(dp, body):
        fields = {}
        if "in_port" in body:
            fields["in_port"] = int(body["in_port"])
        if "eth_vlan_vid" in body:
            fields["vlan_vid"] = int(body["eth_vlan_vid"], 0)
        if "eth_dst" in body:
            parts = body["eth_dst"].split("/")
            fields["eth_dst"] = tuple(parts) if len(parts) > 1 else parts[0]
        return dp.ofproto_parser.OFPMatch(**fields)

    @staticmethod
    def match_out(match):
        names = {"in_port": "in_port", "vlan_vid": "eth_vlan_vid", "eth_dst": "eth_dst"}
        out = {}
        for key, value in match.items():
            text = "/".join(value) if isinstance(value, tuple) and key == "eth_dst" else str(value)
            out[names.get(key, key)] = "0x%x" % value if key == "vlan_vid" and isinstance(value, int) else text
        return out

    @staticmethod
    def actions(dp, text):
        parser, made = dp.ofproto_parser, []
        for part in filter(None, (text or "").split(",")):
            name, _, value = part.partition("=")
            if name == "output":
                made.append(parser.OFPActionOutput(int(value) & 0xFFFFFFFF, 0xFFFF))
            elif name == "group":
                made.append(parser.OFPActionGroup(int(value) & 0xFFFFFFFF))
            elif name == "push_vlan":
                made.append(parser.OFPActionPushVlan(int(value, 0)))
            elif name == "pop_vlan":
                made.append(parser.OFPActionPopVlan())
            elif name == "set_field" and value.startswith("eth_vlan_vid->"):
                made.append(parser.OFPActionSetField(vlan_vid=int(value.split("->")[1]) | VID_PRESENT))
        return made

    @staticmethod
    def actions_out(actions):
        words = []
        for a in actions:
            kind = type(a).__name__
            if kind == "OFPActionOutput":
                words.append("output=%d" % signed(a.port))
            elif kind == "OFPActionGroup":
                words.append("group=%d" % signed(a.group_id))
            elif kind == "OFPActionPushVlan":
                words.append("push_vlan=%d" % a.ethertype)
            elif kind == "OFPActionPopVlan":
                words.append("pop_vlan")
            elif kind == "OFPActionSetField":
                words.append("set_field=eth_vlan_vid->%d" % (a.value & 0xFFF) if a.key == "vlan_vid" else "set_field=%s->%s" % (a.key, a.value))
            else:
                words.append(kind)
        return ",".join(words)

    @classmethod
    def flow_mod(cls, dp, entry, command):
        ofp, parser = dp.ofproto, dp.ofproto_parser
        actions = cls.actions(dp, entry["body"].get("actions"))
        inst = [parser.OFPInstructionActions(ofp.OFPIT_APPLY_ACTIONS, actions)] if actions else []
        return parser.OFPFlowMod(datapath=dp, command=command, priority=int(entry["body"]["priority"]), cookie=cookie_of(entry["name"]),
                                 out_port=ofp.OFPP_ANY, out_group=ofp.OFPG_ANY, match=cls.match(dp, entry["body"]), instructions=inst)

    @classmethod
    def flow_out(cls, s):
        actions = [a for i in s.instructions for a in getattr(i, "actions", [])]
        said = {"instruction_apply_actions": {"actions": cls.actions_out(actions)}} if actions else {"none": "drop"}
        return {"version": cls.version, "cookie": str(s.cookie), "table_id": hex(s.table_id), "priority": str(s.priority),
                "match": cls.match_out(s.match), "instructions": said}

    @classmethod
    def group_mod(cls, dp, entry, command):
        parser, body = dp.ofproto_parser, entry["body"]
        buckets = []
        wanted = [] if command == dp.ofproto.OFPGC_DELETE else body.get("group_buckets", [])
        for b in wanted:
            watch = ANY if b.get("bucket_watch_port") == "any" else int(b["bucket_watch_port"])
            buckets.append(parser.OFPBucket(0, watch, ANY, cls.actions(dp, b.get("bucket_actions"))))
        return parser.OFPGroupMod(dp, command, GROUP_TYPES[body["group_type"]], int(body["group_id"]) & 0xFFFFFFFF, buckets)


class Wording10:
    version = "OF_10"

    @staticmethod
    def match(dp, body):
        fields = {}
        if "in_port" in body:
            fields["in_port"] = int(body["in_port"])
        if "eth_vlan_vid" in body:
            vid = int(body["eth_vlan_vid"], 0)
            fields["dl_vlan"] = vid if vid else 0xFFFF
        if "eth_dst" in body:
            fields["dl_dst"] = body["eth_dst"]
        return dp.ofproto_parser.OFPMatch(**fields)

    @staticmethod
    def match_out(m):
        w, out = ofproto_v1_0, {}
        if not m.wildcards & w.OFPFW_IN_PORT:
            out["in_port"] = str(m.in_port)
        if not m.wildcards & w.OFPFW_DL_VLAN:
            out["eth_vlan_vid"] = "0x0" if m.dl_vlan == 0xFFFF else hex(m.dl_vlan | VID_PRESENT)
        if not m.wildcards & w.OFPFW_DL_DST:
            out["eth_dst"] = ":".join("%02x" % b for b in m.dl_dst)
        return out

    @staticmethod
    def actions(dp, text):
        parser, made = dp.ofproto_parser, []
        for part in filter(None, (text or "").split(",")):
            name, _, value = part.partition("=")
            if name == "output":
                made.append(parser.OFPActionOutput(int(value) & 0xFFFF, 0xFFFF))
            elif name == "strip_vlan":
                made.append(parser.OFPActionStripVlan())
            elif name == "set_vlan_vid":
                made.append(parser.OFPActionVlanVid(int(value)))
        return made

    @staticmethod
    def actions_out(actions):
        words = []
        for a in actions:
            kind = type(a).__name__
            if kind == "OFPActionOutput":
                words.append("output=%d" % (a.port - 0x10000 if a.port >= 0xFF00 else a.port))
            else:
                words.append("set_vlan_vid=%d" % a.vlan_vid if kind == "OFPActionVlanVid" else "strip_vlan")
        return ",".join(words)

    @classmethod
    def flow_mod(cls, dp, entry, command):
        ofp = dp.ofproto
        return dp.ofproto_parser.OFPFlowMod(datapath=dp, match=cls.match(dp, entry["body"]), cookie=cookie_of(entry["name"]), command=command,
                                            priority=int(entry["body"]["priority"]), out_port=ofp.OFPP_NONE, flags=0,
                                            actions=cls.actions(dp, entry["body"].get("actions")))

    @classmethod
    def flow_out(cls, s):
        said = {"actions": cls.actions_out(s.actions)} if s.actions else {"none": "drop"}
        return {"version": cls.version, "cookie": str(s.cookie), "table_id": "0x0", "priority": str(s.priority), "match": cls.match_out(s.match), "actions": said}


class FloodlightRest(app_manager.OSKenApp):
    OFP_VERSIONS = [ofproto_v1_0.OFP_VERSION, ofproto_v1_3.OFP_VERSION]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.switches = {}
        self.kept = {}
        host, port = os.environ["REST"].split(":")
        # Bound here, so that the first request after the start finds it.
        hub.spawn(wsgi.server, eventlet.listen((host, int(port))), self.serve, log_output=False)

    @set_ev_cls(ofp_event.EventOFPStateChange, [MAIN_DISPATCHER, DEAD_DISPATCHER])
    def state_changed(self, ev):
        dp = ev.datapath
        if ev.state == MAIN_DISPATCHER:
            self.switches[dpid_text(dp)] = {"dp": dp, "since": int(time.time() * 1000)}
            self.wipe(dp)
            for entry in list(self.kept.values()):
                if entry["body"]["switch"] == dpid_text(dp):
                    self.send(dp, entry, "add")
        elif dp.id is not None and self.switches.get(dpid_text(dp), {}).get("dp") is dp:
            del self.switches[dpid_text(dp)]

    @set_ev_cls(ofp_event.EventOFPErrorMsg, MAIN_DISPATCHER)
    def refused(self, ev):
        self.logger.warning("refused by the switch: type %s code %s", ev.msg.type, ev.msg.code)

    def wording(self, dp):
        return Wording10 if dp.ofproto.OFP_VERSION == ofproto_v1_0.OFP_VERSION else Wording13

    def wipe(self, dp):
        ofp, parser = dp.ofproto, dp.ofproto_parser
        if self.wording(dp) is Wording10:
            dp.send_msg(parser.OFPFlowMod(datapath=dp, match=parser.OFPMatch(), cookie=0, command=ofp.OFPFC_DELETE))
            return
        dp.send_msg(parser.OFPFlowMod(datapath=dp, command=ofp.OFPFC_DELETE, table_id=ofp.OFPTT_ALL, out_port=ofp.OFPP_ANY, out_group=ofp.OFPG_ANY, match=parser.OFPMatch()))
        dp.send_msg(parser.OFPGroupMod(dp, ofp.OFPGC_DELETE, ofp.OFPGT_ALL, ofp.OFPG_ALL, []))

    def send(self, dp, entry, how):
        ofp, wording = dp.ofproto, self.wording(dp)
        if entry["body"].get("entry_type") == "group":
            command = {"add": ofp.OFPGC_ADD, "modify": ofp.OFPGC_MODIFY, "delete": ofp.OFPGC_DELETE}[how]
            dp.send_msg(wording.group_mod(dp, entry, command))
        else:
            command = {"add": ofp.OFPFC_ADD, "modify": ofp.OFPFC_MODIFY_STRICT, "delete": ofp.OFPFC_DELETE_STRICT}[how]
            dp.send_msg(wording.flow_mod(dp, entry, command))

    def push(self, body):
        switch, name = self.switches.get(body.get("switch")), body["name"]
        if switch is None:
            return {"status": "Entry pushed"}
        entry, had = {"name": name, "body": body}, self.kept.get(name)
        self.kept[name] = entry
        if had is not None and had["body"]["switch"] != body["switch"] and had["body"]["switch"] in self.switches:
            self.send(self.switches[had["body"]["switch"]]["dp"], had, "delete")
            had = None
        self.send(switch["dp"], entry, "add" if had is None else "modify")
        return {"status": "Entry pushed"}

    def forget(self, body):
        entry = self.kept.pop(body["name"], None)
        if entry is not None and entry["body"]["switch"] in self.switches:
            self.send(self.switches[entry["body"]["switch"]]["dp"], entry, "delete")
        return {"status": "Entry %s deleted" % body["name"]}

    def stats(self, dp, what):
        ofp, parser, wording = dp.ofproto, dp.ofproto_parser, self.wording(dp)
        is10 = wording is Wording10
        if what == "flow":
            request = parser.OFPFlowStatsRequest(dp, 0, parser.OFPMatch(), 0xFF, ofp.OFPP_NONE) if is10 else parser.OFPFlowStatsRequest(dp, out_port=ofp.OFPP_ANY, out_group=ofp.OFPG_ANY)
            return {"flows": [wording.flow_out(s) for s in self.ask(request, parser.OFPFlowStatsReply)]}
        if what == "group-desc" and not is10:
            rows = self.ask(parser.OFPGroupDescStatsRequest(dp, 0), parser.OFPGroupDescStatsReply)
            return {"version": wording.version, "group_desc": [
                {"group_type": GROUP_NAMES[g.type], "group_number": str(signed(g.group_id)), "buckets": [
                    {"watch_port": str(signed(b.watch_port)), "watch_group": "any", "actions": wording.actions_out(b.actions)} for b in g.buckets]} for g in rows]}
        if what == "port-desc":
            rows = dp.ports.values() if is10 else self.ask(parser.OFPPortDescStatsRequest(dp, 0), parser.OFPPortDescStatsReply)
            return {"version": wording.version, "port_desc": [
                {"port_number": "local" if p.port_no >= 0xFF00 else str(p.port_no), "hardware_address": p.hw_addr if isinstance(p.hw_addr, str) else "", "name": p.name.decode(),
                 "config": ["PORT_DOWN"] if p.config & 1 else [], "state": ["LINK_DOWN"] if p.state & 1 else ["LIVE"]} for p in rows]}
        if what == "port":
            request = parser.OFPPortStatsRequest(dp, 0, ofp.OFPP_NONE if is10 else ofp.OFPP_ANY)
            rows = self.ask(request, parser.OFPPortStatsReply)
            return {"port_reply": [{"version": wording.version, "port": [
                {"port_number": str(p.port_no), "receive_packets": str(p.rx_packets), "transmit_packets": str(p.tx_packets), "receive_bytes": str(p.rx_bytes),
                 "transmit_bytes": str(p.tx_bytes), "receive_dropped": str(p.rx_dropped), "transmit_dropped": str(p.tx_dropped)} for p in rows]}]}
        return POEM

    def ask(self, request, reply):
        return [row for part in api.send_msg(self, request, reply_cls=reply, reply_multi=True) for row in part.body]

    def answer(self, method, path, body):
        if path == "/wm/core/controller/switches/json":
            return [{"inetAddress": "/%s:%d" % s["dp"].address[:2], "connectedSince": s["since"], "openFlowVersion": self.wording(s["dp"]).version, "switchDPID": d}
                    for d, s in self.switches.items()]
        one = re.fullmatch(r"/wm/core/switch/([0-9a-f:]+)/([\w-]+)/json", path)
        if one:
            switch = self.switches.get(one.group(1))
            return POEM if switch is None else self.stats(switch["dp"], one.group(2))
        listed = re.fullmatch(r"/wm/staticflowpusher/list/([0-9a-f:]+)/json", path)
        if listed:
            own = [{n: {"priority": e["body"].get("priority")}} for n, e in self.kept.items() if e["body"]["switch"] == listed.group(1)]
            return {listed.group(1): own} if own else {}
        if path == "/wm/staticflowpusher/json":
            return self.forget(body) if method == "DELETE" else self.push(body)
        return None

    def serve(self, env, start):
        length = int(env.get("CONTENT_LENGTH") or 0)
        body = json.loads(env["wsgi.input"].read(length)) if length else None
        try:
            answer = self.answer(env["REQUEST_METHOD"], env["PATH_INFO"], body)
        except Exception as e:  # As Floodlight: the switch went in the middle, and the answer says nothing of it.
            self.logger.warning("%s: %s", env["PATH_INFO"], e)
            answer = POEM
        start("404 Not Found" if answer is None else "200 OK", [("content-type", "application/json")])
        return [json.dumps(answer).encode()]
