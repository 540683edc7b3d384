# For the experiment only: what cannot be done to a guest from outside. One word by UDP, on the media side.
# Usage: control.pl ADDRESS PORT
#   here    is answered: whoever gives an order can know that it is heard
#   relay   the relay dies and is not started again: a dead application in a living machine
#   agent   the guest agent dies and is not started again: all else goes on
#   vnic    the service interface goes down: nothing comes in or out, and the hypervisor's end stays as it is
#   panic   the kernel stops for ever: a dead machine in a living hypervisor
my ($host, $port) = @ARGV;
socket my $socket, 2, 2, 17 or die "socket: $!\n"; # AF_INET, SOCK_DGRAM, UDP
bind $socket, pack 'S n a4 x8', 2, $port, pack 'C4', split /\./, $host or die "bind $host:$port: $!\n";

sub put { my ($path, $text) = @_; open my $file, '>', $path or return; print $file $text }

sub end { open my $pid, '<', $_[0] or return; kill 'KILL', <$pid> + 0 }

my $word;
while (defined(my $from = recv $socket, $word, 16, 0)) {
  send $socket, $word, 0, $from if $word eq 'here';
  if ($word eq 'relay') {
    put('/run/no-relay', '');
    end('/run/relay.pid');
  }
  system '/bin/busybox', 'ip', 'link', 'set', 'eth1', 'down' if $word eq 'vnic';
  end('/run/agent.pid') if $word eq 'agent';
  if ($word eq 'panic') {
    put('/proc/sys/kernel/panic', 0); # Else it would start again at once.
    put('/proc/sysrq-trigger', 'c');
  }
}
