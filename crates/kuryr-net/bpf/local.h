/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Switching on the worker: between two pods of one node and network, past the trunk and the
 * cloud's switch behind it. Only where userspace says that the security groups of both let
 * everything between them pass (src/local/), and then only
 *
 *   - TCP and UDP by IPv4 without options or IPv6 without extension headers, and not DHCP: all
 *     else is the cloud's to answer or to drop;
 *   - from the sender's own address and MAC to those of the other, so that port security holds;
 *   - once the flow's first packet came through the cloud's switch as it was sent, or another
 *     connection of the two to that port just before. So the cloud has let it in; and what is
 *     part of a Service (a backend's answer, which the cloud has yet to translate) is never
 *     taken for a flow between two pods.
 */
#ifndef KURYR_LOCAL_H
#define KURYR_LOCAL_H

#include "kuryr_bpf.h"

#define ETHERNET 14
#define IPV4 20
#define IPV6 40
#define IPV4_VERSION_5_WORDS 0x45
#define MORE_FRAGMENTS 0x2000
#define FRAGMENT_OFFSET 0x1fff
/* How long a connection that the cloud let in speaks for others to the same port. */
#define SPEAKS_FOR_NS 30000000000ull
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define TCP_FLAGS_AT 13
#define SYN 0x02
#define ACK 0x10

/* A pod's address in a group: of one network that is switched locally, since a certain time. */
struct endpoint_key {
	__u32 group;
	__u32 address[4]; /* as in IPv6 */
};

struct endpoint {
	__u32 ifindex; /* of the node's end of its veth */
	__u8 mac[8];   /* six, and two of nothing */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384); /* 4094 VLANs with an address or a few */
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct endpoint_key);
	__type(value, struct endpoint);
} kuryr_endpoints SEC(".maps");

/*
 * The lower ifindex is first, so that both directions of a flow have one key. With 0 for a
 * client's port it is all connections to the other's. For the fragments of a datagram the
 * ports are its id, and the protocol has OF_FRAGMENTS.
 */
struct flow_key {
	__u32 ifindex[2];
	__u32 address[2]; /* an IPv6 address folded */
	__u16 port[2];
	__u16 group;
	__u16 protocol;
};
#define OF_FRAGMENTS 0x100

struct flow {
	__u64 proven; /* when a packet came through as it was sent, 0 for never */
	__u64 sender; /* ifindex of who sent one by the trunk last */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384); /* allocated at once, some 100 bytes each */
	__type(key, struct flow_key);
	__type(value, struct flow);
} kuryr_flows SEC(".maps");

struct packet {
	__u8 to_mac[6];
	__u8 from_mac[6];
	struct endpoint_key from;
	struct endpoint_key to;
	__u16 from_port;
	__u16 to_port;
	__u16 protocol;
	__u16 opens;  /* a TCP connection */
	__u16 in_fragments;
	__u16 id;     /* of a datagram in fragments */
	__u16 offset; /* of a fragment that isn't the first, which alone has ports */
};

static __always_inline int same_mac(const __u8 *a, const __u8 *b)
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3] && a[4] == b[4] && a[5] == b[5];
}

static __always_inline int is_dhcp(__u16 port)
{
	return port == htons(67) || port == htons(68) || port == htons(546) || port == htons(547);
}

/* IPv4's header into the packet; the protocol, 0 for what is not for us. */
static __always_inline __u32 ipv4(struct __sk_buff *skb, struct packet *p)
{
	__u8 ip[IPV4];

	if (bpf_skb_load_bytes(skb, ETHERNET, ip, sizeof(ip)) || ip[0] != IPV4_VERSION_5_WORDS)
		return 0;
	p->in_fragments = *(__u16 *)(ip + 6) & htons(MORE_FRAGMENTS | FRAGMENT_OFFSET);
	p->id = *(__u16 *)(ip + 4);
	p->offset = *(__u16 *)(ip + 6) & htons(FRAGMENT_OFFSET);
	p->from.address[2] = p->to.address[2] = htonl(0xffff);
	p->from.address[3] = *(__u32 *)(ip + 12);
	p->to.address[3] = *(__u32 *)(ip + 16);
	return ip[9];
}

static __always_inline __u32 ipv6(struct __sk_buff *skb, struct packet *p)
{
	__u32 ip[IPV6 / 4];

	if (bpf_skb_load_bytes(skb, ETHERNET, ip, sizeof(ip)))
		return 0;
	__builtin_memcpy(p->from.address, ip + 2, 16);
	__builtin_memcpy(p->to.address, ip + 6, 16);
	return ((__u8 *)ip)[6];
}

/* Whether the frame is one that could be switched locally, in that group. */
static __always_inline int parse(struct __sk_buff *skb, __u32 group, struct packet *p)
{
	__u8 ethernet[ETHERNET];
	__u16 type, ports[2];
	__u32 ip_length;
	__u8 flags;

	if (skb->len < ETHERNET + IPV4 + 8 || bpf_skb_load_bytes(skb, 0, ethernet, sizeof(ethernet)))
		return 0;
	__builtin_memset(p, 0, sizeof(*p));
	p->from.group = p->to.group = group;
	__builtin_memcpy(p->to_mac, ethernet, 6);
	__builtin_memcpy(p->from_mac, ethernet + 6, 6);
	type = *(__u16 *)(ethernet + 12);
	if (type == htons(ETH_P_IP)) {
		p->protocol = ipv4(skb, p);
		ip_length = IPV4;
	} else if (type == htons(ETH_P_IPV6)) {
		p->protocol = ipv6(skb, p);
		ip_length = IPV6;
	} else {
		return 0;
	}
	if (p->protocol != IPPROTO_TCP && p->protocol != IPPROTO_UDP)
		return 0;
	if (p->in_fragments && p->protocol == IPPROTO_TCP)
		return 0;
	if (p->offset)
		return 1;
	if (bpf_skb_load_bytes(skb, ETHERNET + ip_length, ports, sizeof(ports)))
		return 0;
	p->from_port = ports[0];
	p->to_port = ports[1];
	if (p->protocol == IPPROTO_UDP)
		return !is_dhcp(ports[0]) && !is_dhcp(ports[1]);
	if (bpf_skb_load_bytes(skb, ETHERNET + ip_length + TCP_FLAGS_AT, &flags, sizeof(flags)))
		return 0;
	p->opens = (flags & (SYN | ACK)) == SYN;
	return 1;
}

static __always_inline __u32 folded(const struct endpoint_key *key)
{
	return key->address[0] ^ key->address[1] ^ key->address[2] ^ key->address[3];
}

static __always_inline void flow_of(const struct packet *p, __u32 from, __u32 to, struct flow_key *key)
{
	/* Written out, since the verifier knows no index into the stack that it can't compute. */
	if (from < to) {
		key->ifindex[0] = from;
		key->ifindex[1] = to;
		key->address[0] = folded(&p->from);
		key->address[1] = folded(&p->to);
		key->port[0] = p->from_port;
		key->port[1] = p->to_port;
	} else {
		key->ifindex[0] = to;
		key->ifindex[1] = from;
		key->address[0] = folded(&p->to);
		key->address[1] = folded(&p->from);
		key->port[0] = p->to_port;
		key->port[1] = p->from_port;
	}
	key->group = p->from.group;
	key->protocol = p->protocol;
}

/* All connections between the two to the port that this one opens to. */
static __always_inline void connections_like(const struct flow_key *key, __u32 sender, struct flow_key *all)
{
	*all = *key;
	if (key->ifindex[0] == sender)
		all->port[0] = 0;
	else
		all->port[1] = 0;
}

/* Whether a packet may be switched; notes what is needed to know it of the next one. */
static __always_inline int is_proven(const struct packet *p, struct flow_key *key, __u32 sender)
{
	struct flow *flow = bpf_map_lookup_elem(&kuryr_flows, key), *others = 0;
	struct flow new = { .sender = sender };
	struct flow_key all;

	/* A connection that opens is a new one, even if its ports had one before. */
	if (flow && flow->proven && !p->opens)
		return 1;
	if (!p->opens && p->protocol == IPPROTO_TCP)
		return 0;
	if (p->opens) {
		connections_like(key, sender, &all);
		others = bpf_map_lookup_elem(&kuryr_flows, &all);
		if (others && bpf_ktime_get_ns() - others->proven < SPEAKS_FOR_NS)
			new.proven = others->proven;
	}
	bpf_map_update_elem(&kuryr_flows, key, &new, 0);
	return new.proven != 0;
}

/* The fragments of a datagram go where its first one went. */
static __always_inline int is_proven_by_first(const struct packet *p, struct flow_key *key, __u32 sender)
{
	struct flow *first, new = {};
	struct flow_key datagram = *key;

	datagram.port[0] = datagram.port[1] = p->id;
	datagram.protocol |= OF_FRAGMENTS;
	if (p->offset) {
		first = bpf_map_lookup_elem(&kuryr_flows, &datagram);
		return first && first->proven;
	}
	new.proven = is_proven(p, key, sender);
	bpf_map_update_elem(&kuryr_flows, &datagram, &new, 0);
	return new.proven != 0;
}

/*
 * A pod's frame on its way to the trunk: the ifindex of the veth that it may go to instead,
 * 0 for none.
 */
static __always_inline __u32 switched_to(struct __sk_buff *skb, __u32 group)
{
	struct packet p;
	struct flow_key key;
	struct endpoint *from, *to;
	int proven;

	if (skb->vlan_present || !parse(skb, group, &p))
		return 0;
	from = bpf_map_lookup_elem(&kuryr_endpoints, &p.from);
	if (!from || from->ifindex != skb->ifindex || !same_mac(from->mac, p.from_mac))
		return 0;
	to = bpf_map_lookup_elem(&kuryr_endpoints, &p.to);
	if (!to || to->ifindex == skb->ifindex || !same_mac(to->mac, p.to_mac))
		return 0;
	flow_of(&p, from->ifindex, to->ifindex, &key);
	proven = p.in_fragments ? is_proven_by_first(&p, &key, skb->ifindex) : is_proven(&p, &key, skb->ifindex);
	return proven ? to->ifindex : 0;
}

/* A frame that came to a pod by the trunk; its sender may be a pod of the same node. */
static __always_inline void came_by_trunk(struct __sk_buff *skb, __u32 group, __u32 ifindex)
{
	struct packet p;
	struct flow_key key, all;
	struct endpoint *from, *to;
	struct flow *flow;
	struct flow now = {};

	if (!parse(skb, group, &p) || p.offset)
		return;
	from = bpf_map_lookup_elem(&kuryr_endpoints, &p.from);
	if (!from)
		return;
	to = bpf_map_lookup_elem(&kuryr_endpoints, &p.to);
	if (!to || to->ifindex != ifindex)
		return;
	flow_of(&p, from->ifindex, to->ifindex, &key);
	flow = bpf_map_lookup_elem(&kuryr_flows, &key);
	if (!flow)
		return;
	/* Whose MAC address is another's was routed, and so was it to a Service before. */
	if (!same_mac(from->mac, p.from_mac))
		bpf_map_delete_elem(&kuryr_flows, &key);
	else if (flow->sender == from->ifindex && (p.opens || p.protocol == IPPROTO_UDP))
		flow->proven = now.proven = bpf_ktime_get_ns();
	if (now.proven && p.opens) {
		connections_like(&key, from->ifindex, &all);
		bpf_map_update_elem(&kuryr_flows, &all, &now, 0);
	}
}

#endif
