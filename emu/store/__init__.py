"""Key-value stores that daemons agree through: etcd's semantics in memory and virtual time, or a real etcd server."""
