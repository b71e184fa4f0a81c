"""What has a name and passes frames: cables and NICs, veths, bridges, tunnels, Open vSwitch (drivers/net, net/bridge)."""
