#!/bin/busybox sh
# First process of a VNFC of the lab: a media relay and nothing else. Settings come on the kernel command line.
# Order matters to the outside: the service IP answers ARP only while the relay's sockets are open, so that one answered
# ARP request proves that this VNFC relays, and a switch-over back to it is not made too early.
export PATH=/usr/bin # Only perl is there; every other command is an applet of this shell's own busybox.
# Perl asks for random numbers when it starts, which a machine that has just booted has none of yet: half a second.
export PERL_HASH_SEED=0
# These two by path: the shell finds its own applets by /proc/self/exe.
/bin/busybox mkdir -p /proc /sys /dev /run
/bin/busybox mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev

say() { read -r up _ </proc/uptime; echo "sempre: $up $*" >/dev/console; }

for module in $(cat /modules/order); do
  # No interrupt for each packet sent: what was sent is cleared away when the next one is.
  case $module in virtio_net.ko) options=napi_tx=0 ;; *) options='' ;; esac
  insmod "/modules/$module" $options
done

# Settings of this VNFC; the two addresses are with prefix length and have no default.
media_ip='' service_ip='' service_mac='' media_group=239.5.0.4 media_port=5004 marker_port=6001
for word in $(cat /proc/cmdline); do
  case $word in sempre.*=*) word=${word#sempre.}; eval "${word%%=*}='${word#*=}'" ;; esac
done

# The ACPI power button is an input device: `virsh shutdown` presses it. Off at once; there is no disk to write back. The
# kernel's own power-off takes down devices first and, with interrupts routed without ACPI, one time in ten waits for one for
# ever. A restart without ceremony does not, and its domain ends on a restart (`<on_reboot>destroy`).
off() {
  echo b >/proc/sysrq-trigger
  poweroff -f
}
for name in $(grep -l 'Power Button' /sys/class/input/event*/device/name); do
  event=${name#/sys/class/input/} event=${event%%/*}
  { head -c 1 "/dev/input/$event" >/dev/null && off; } 2>/dev/null &
done

# Room for a tenth of a second of media: an emulated guest is not scheduled for tens of milliseconds on a busy machine.
echo 262144 >/proc/sys/net/core/rmem_max
echo 262144 >/proc/sys/net/core/wmem_max

ip link set lo up
# The hypervisor's first vNIC is eth0 (media side), its second eth1 (service side): PCI order, no udev renames them.
ip addr add "$media_ip" dev eth0
ip link set eth0 up

eval "$(ipcalc -b "$service_ip")" # BROADCAST=…
ip link set eth1 arp off
[ -z "$service_mac" ] || ip link set eth1 address "$service_mac"
ip addr add "$service_ip" brd + dev eth1
ip link set eth1 up

# The twins share service IP and MAC, so the source port is the one thing in a packet that tells a viewer which member
# it came through: each member has a marker port of its own.
relay() {
  exec perl -w /relay.pl "${media_ip%/*}" "$media_group" "$media_port" "$BROADCAST" "$marker_port" eth1
}
# The rest starts when the relay is open: five programs that start at once on one emulated CPU would all be late.
others() {
  while :; do
    perl -w /echo.pl "${service_ip%/*}" 7
    usleep 100000
  done >/dev/null 2>&1 &
  perl -w /control.pl "${media_ip%/*}" 9 >/dev/null 2>&1 &
  perl -w /agent.pl "$marker_port" >/dev/null 2>&1 &
  echo $! >/run/agent.pid
}

mkfifo /run/open
while :; do
  relay >/run/open &
  echo $! >/run/relay.pid
  # A line when its sockets are open; none where it ended before. To look for them would take from it what it needs to get there.
  if read -r _ </run/open; then
    ip link set eth1 arp on
    say "relay $media_group:$media_port -> $BROADCAST:$media_port from port $marker_port"
    [ -e /run/agent.pid ] || others
  fi
  wait "$(cat /run/relay.pid)"
  ip link set eth1 arp off
  say "relay ended"
  usleep 50000
  while [ -e /run/no-relay ]; do sleep 1; done
done
