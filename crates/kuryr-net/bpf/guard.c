/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What a trunk must not send where pods have vlan links: a frame whose tag stands in the
 * packet itself. A vlan link writes its own tag beside the packet, and whatever the pod put
 * into it comes after. But who may change the link (CAP_NET_ADMIN in the pod) can have it
 * write no tag of its own (reorder_hdr off), and its frames would leave with any VLAN, or as
 * the node's.
 *
 * Kernels since 2026 (Linux 6.1.192 among them) move such a tag beside the packet before it comes here, and
 * then it looks like that of the pod that has the VLAN. What can be told still is a frame of VLAN 0. So where pods may have
 * CAP_NET_ADMIN and are not trusted, trunk.c is what to use.
 *
 *   kuryr_own_tag    on the trunk's egress
 */
#include "kuryr_bpf.h"

#define ETHERTYPE_AT 12 /* after the two MAC addresses */

SEC("classifier")
int kuryr_own_tag(struct __sk_buff *skb)
{
	__u16 type = 0;

	if (skb->vlan_present)
		return skb->vlan_tci & 0xfff ? TC_ACT_UNSPEC : TC_ACT_SHOT;
	/* Not skb->protocol: who sends a raw frame says what that is. */
	if (bpf_skb_load_bytes(skb, ETHERTYPE_AT, &type, sizeof(type)))
		return TC_ACT_UNSPEC;
	if (type == htons(ETH_P_8021Q) || type == htons(ETH_P_8021AD))
		return TC_ACT_SHOT;
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "Dual MIT/GPL";
