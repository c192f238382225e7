// SPDX-License-Identifier: GPL-2.0-only
/*
 * The capture interface: each network namespace has an ipcbook0, on which
 * tcpdump and its kind see what the namespace's sockets carry.
 *
 * It is a network interface like lo in that nothing leaves the machine, and
 * unlike it in that nothing comes in: what is queued to be sent is shown to
 * those who listen, and freed. Its frames are Ethernet's with an ethertype for
 * experiments and the header of the contract (struct ipcbook_capture). It has no
 * addresses: its MTU is below what IPv6 needs, and ARP is off.
 *
 * While all interfaces are down, a send passes one jump that is patched out
 * (tap_on()). While one is up and nobody listens, no frame is built. A frame is
 * built by the sender, who has the stream's lock, from what it has just copied
 * and not yet published: so the frames of a direction come in its order, and
 * before the receiver has the bytes. A frame that cannot be built is counted in
 * tx_dropped; the sender goes on.
 *
 * Pids are told as they are in the pid namespace of who set the interface up.
 *
 * Locks: tap_net.pids is protected by RTNL for writing and RCU for reading; the
 * interface itself lives as long as its namespace, which sockets hold.
 */
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/netdevice.h>
#include <linux/pid_namespace.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "compat.h"
#include "stream.h"
#include "tap.h"

/* Payload of a frame: what is longer is split. */
#define TAP_PAYLOAD	8192U

/* One byte less than IPv6 needs. */
#define TAP_MTU		1279

/**
 * struct tap_net - what a namespace has
 * @dev: its interface, NULL where it could not be had
 * @pids: pid namespace of who set it up; NULL while it is down
 */
struct tap_net {
	struct net_device *dev;
	struct pid_namespace __rcu *pids;
};

DEFINE_STATIC_KEY_FALSE(tap_key);

static unsigned int tap_net_id __read_mostly;

static struct tap_net *tap_of(struct net *net)
{
	return net_generic(net, tap_net_id);
}

/* ------------------------------------------------------------- the interface */

static int tap_open(struct net_device *dev)
{
	struct tap_net *tap = tap_of(dev_net(dev));

	ASSERT_RTNL();
	rcu_assign_pointer(tap->pids,
			   get_pid_ns(task_active_pid_ns(current)));
	netif_carrier_on(dev);
	static_branch_inc(&tap_key);
	return 0;
}

static int tap_stop(struct net_device *dev)
{
	struct tap_net *tap = tap_of(dev_net(dev));
	struct pid_namespace *pids = rtnl_dereference(tap->pids);

	static_branch_dec(&tap_key);
	RCU_INIT_POINTER(tap->pids, NULL);
	/* Who still builds a frame may look into it. */
	synchronize_net();
	put_pid_ns(pids);
	return 0;
}

/* Those who listen have had it. */
static netdev_tx_t tap_xmit(struct sk_buff *skb, struct net_device *dev)
{
	DEV_STATS_INC(dev, tx_packets);
	DEV_STATS_ADD(dev, tx_bytes, skb->len);
	consume_skb(skb);
	return NETDEV_TX_OK;
}

static const struct net_device_ops tap_ops = {
	.ndo_open = tap_open,
	.ndo_stop = tap_stop,
	.ndo_start_xmit = tap_xmit,
};

static void tap_setup(struct net_device *dev)
{
	static const u8 address[ETH_ALEN] = { 2 };

	ether_setup(dev);
	dev->netdev_ops = &tap_ops;
	dev->flags = IFF_NOARP;
	dev->priv_flags |= IFF_NO_QUEUE;
	dev->mtu = TAP_MTU;
	dev->min_mtu = TAP_MTU;
	dev->max_mtu = TAP_MTU;
	dev->needs_free_netdev = true;
	book_netdev_stays(dev);
	eth_hw_addr_set(dev, address);
}

/*
 * A namespace without a capture is better than none. Who is short of memory of their
 * own may make many of them: that is not said each time.
 */
static int __net_init tap_net_init(struct net *net)
{
	struct net_device *dev;
	int err = -ENOMEM;

	dev = alloc_netdev(0, IPCBOOK_CAPTURE_DEVICE, NET_NAME_PREDICTABLE,
			   tap_setup);
	if (!dev)
		goto without;
	dev_net_set(dev, net);
	err = register_netdev(dev);
	if (err)
		goto without;
	tap_of(net)->dev = dev;
	return 0;

without:
	pr_warn_ratelimited("ipcbook: no %s in a network namespace: error %d\n",
			    IPCBOOK_CAPTURE_DEVICE, err);
	if (dev)
		free_netdev(dev);
	return 0;
}

static void __net_exit tap_net_exit(struct net *net)
{
	struct tap_net *tap = tap_of(net);

	if (tap->dev)
		unregister_netdev(tap->dev);
	tap->dev = NULL;
}

static struct pernet_operations tap_net_ops = {
	.init = tap_net_init,
	.exit = tap_net_exit,
	.id = &tap_net_id,
	.size = sizeof(struct tap_net),
};

/* -------------------------------------------------------------------- frames */

/* The part of @pid that fits an Ethernet address. */
static void tap_address(u8 *address, u32 pid)
{
	address[0] = 2;
	address[1] = 0;
	put_unaligned_be32(pid, address + 2);
}

static void tap_fill(struct ipcbook_capture *header,
		     const struct tap_event *event, u32 sender, u32 receiver)
{
	memset(header, 0, sizeof(*header));
	header->version = IPCBOOK_CAPTURE_VERSION;
	header->event = event->event;
	header->flags = event->flags;
	header->detail = event->detail;
	header->sender = htonl(sender);
	header->receiver = htonl(receiver);
	header->connection = cpu_to_be64(event->connection);
	header->number = cpu_to_be64(event->number);
	memcpy(header->name, event->name, sizeof(header->name));
}

static struct sk_buff *tap_frame(struct net_device *dev,
				 const struct ipcbook_capture *header,
				 size_t n)
{
	struct sk_buff *skb;
	struct ethhdr *eth;

	/*
	 * With memory for the copy that the kernel shows: it tells nobody when
	 * it could not make one.
	 */
	skb = alloc_skb_fclone(ETH_HLEN + sizeof(*header) + n,
			       GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY);
	if (!skb)
		return NULL;
	skb_reset_mac_header(skb);
	eth = skb_put(skb, ETH_HLEN);
	tap_address(eth->h_source, ntohl(header->sender));
	tap_address(eth->h_dest, ntohl(header->receiver));
	eth->h_proto = htons(IPCBOOK_CAPTURE_ETHERTYPE);
	skb_set_network_header(skb, ETH_HLEN);
	skb_put_data(skb, header, sizeof(*header));
	skb->dev = dev;
	skb->protocol = eth->h_proto;
	skb->pkt_type = PACKET_OUTGOING;
	return skb;
}

static void tap_copy(struct sk_buff *skb, const struct stream *stream,
		     struct cursor *at, size_t n)
{
	const void *piece;
	size_t part;

	for (; n; n -= part) {
		part = n;
		piece = stream_piece(stream, at, &part);
		skb_put_data(skb, piece, part);
		at->offset += part;
	}
}

/* One frame, with @n bytes at @at, which moves on. */
static void tap_send(struct net_device *dev, struct ipcbook_capture *header,
		     const struct stream *stream, struct cursor *at, size_t n)
{
	struct sk_buff *skb = tap_frame(dev, header, n);

	if (!skb) {
		DEV_STATS_INC(dev, tx_dropped);
		if (n)
			stream_skip(stream, at, n);
		return;
	}
	if (n)
		tap_copy(skb, stream, at, n);
	dev_queue_xmit(skb);
}

/**
 * tap_tell() - shows an event to those who listen
 * @event: the event
 * @stream: where its payload is, with the writer's lock held; or NULL
 * @at: where the payload begins
 * @n: bytes of it
 */
void tap_tell(const struct tap_event *event, const struct stream *stream,
	      const struct cursor *at, size_t n)
{
	struct tap_net *tap = tap_of(event->net);
	struct pid_namespace *pids;
	struct ipcbook_capture header;
	struct cursor here = { };
	size_t done = 0, part;

	if (!tap->dev || !dev_nit_active(tap->dev))
		return;
	rcu_read_lock();
	pids = rcu_dereference(tap->pids);
	if (pids)
		tap_fill(&header, event, current->flags & PF_KTHREAD ? 0 :
			 task_tgid_nr_ns(current, pids),
			 pid_nr_ns(event->receiver, pids));
	rcu_read_unlock();
	if (!pids)
		return;
	if (at)
		here = *at;
	header.total = htonl(n);
	do {
		part = min_t(size_t, n - done, TAP_PAYLOAD);
		header.flags = event->flags |
			       (done ? 0 : IPCBOOK_CAPTURE_FIRST) |
			       (done + part < n ? 0 : IPCBOOK_CAPTURE_LAST);
		header.offset = htonl(done);
		header.length = htonl(part);
		header.position = cpu_to_be64(event->position + done);
		tap_send(tap->dev, &header, stream, &here, part);
		done += part;
	} while (done < n);
}

int tap_init(void)
{
	return register_pernet_device(&tap_net_ops);
}

void tap_exit(void)
{
	unregister_pernet_device(&tap_net_ops);
}
