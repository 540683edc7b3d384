# The guest agent of the lab: the commands of QEMU's (docs/interop/qemu-ga) that ask whether it lives, on the channel of the same name.
# It answers that it is well only while the relay's marker port is bound; what a VNF says of itself is more than that its kernel runs.
# Usage: agent.pl MARKER-PORT
my ($marker_port) = @ARGV;
my $NAME = 'org.qemu.guest_agent.0';
my $O_RDWR = 2;

sub line_of { open my $file, '<', $_[0] or return ''; my $line = <$file> // ''; chomp $line; $line }

my $PORTS = '/sys/class/virtio-ports';
opendir my $ports, $PORTS or die "$PORTS: $!\n";
my ($port) = grep { line_of("$PORTS/$_/name") eq $NAME } readdir $ports or die "no channel $NAME\n";
sysopen my $channel, "/dev/$port", $O_RDWR or die "open $port: $!\n";

sub is_well { my $port = sprintf ':%04X ', $marker_port; open my $udp, '<', '/proc/net/udp' or return 0; scalar grep { index($_, $port) > 0 } <$udp> }

sub answer {
  my ($command) = $_[0] =~ /"execute"\s*:\s*"([^"]+)"/ or return '{"error": {"class": "GenericError", "desc": "not a command"}}';
  my ($id) = $_[0] =~ /"id"\s*:\s*(-?\d+)/;
  return qq({"error": {"class": "CommandNotFound", "desc": "The command $command has not been found"}}) unless $command =~ /^guest-(sync|ping)$/;
  return '{"error": {"class": "GenericError", "desc": "the relay does not run"}}' unless is_well();
  return '{"return": ' . ($command eq 'guest-sync' ? $id // 0 : '{}') . '}';
}

my $held = '';
while (1) {
  select undef, undef, undef, 0.1 unless sysread $channel, $held, 4096, length $held; # End of file: nobody listens on the host.
  syswrite $channel, answer($1) . "\n" while $held =~ s/^\xff*([^\n]*)\n//;
}
