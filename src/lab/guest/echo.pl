# Sends every datagram back to its sender (RFC 862): how viewers measure round trips.
# Usage: echo.pl ADDRESS PORT
my ($host, $port) = @ARGV;
socket my $socket, 2, 2, 17 or die "socket: $!\n"; # AF_INET, SOCK_DGRAM, UDP
bind $socket, pack 'S n a4 x8', 2, $port, pack 'C4', split /\./, $host or die "bind $host:$port: $!\n";
my $packet;
while (defined(my $sender = recv $socket, $packet, 2048, 0)) { send $socket, $packet, 0, $sender }
die "receive: $!\n";
