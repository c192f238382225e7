// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the library makes of messages of netlink that are not as they should be:
 * it reads nothing beyond them, and says EIO.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../userspace/lib/signal.c"

/* An acknowledgment with attributes, of a request of so many bytes. */
static int ack(uint32_t request, int error, const struct nlattr *attribute,
	       uint64_t *cookie)
{
	static struct ipcbook_signal signal;
	union message message = { .header.nlmsg_type = NLMSG_ERROR };
	struct nlmsgerr *body = nlmsg_data(&message.header);
	size_t at = NLMSG_HDRLEN + sizeof(*body);

	message.header.nlmsg_flags = NLM_F_ACK_TLVS;
	body->error = error;
	body->msg.nlmsg_len = request;
	if (request >= NLMSG_HDRLEN && request < 1024)
		at += request - NLMSG_HDRLEN;
	memcpy(message.bytes + at, attribute, attribute->nla_len);
	message.header.nlmsg_len = at + NLA_ALIGN(attribute->nla_len);
	return read_ack(&signal, &message.header, cookie);
}

static const struct { struct nlattr head; uint32_t value[2]; } good = {
	{ NLA_HDRLEN + 8, NLMSGERR_ATTR_COOKIE }, { 7, 0 },
};

static void the_cookie_of_an_acknowledgment_is_found(void **state)
{
	uint64_t cookie = 0;

	(void)state;
	assert_int_equal(ack(NLMSG_HDRLEN, 0, &good.head, &cookie), 0);
	assert_int_equal(cookie, 7);
	cookie = 0;
	assert_int_equal(ack(NLMSG_HDRLEN + 20, 0, &good.head, &cookie), 0);
	assert_int_equal(cookie, 7);
}

static void a_request_of_an_impossible_length_is_an_error(void **state)
{
	static const uint32_t lengths[] = {
		0, 5, NLMSG_HDRLEN - 4, NLMSG_HDRLEN + 1, NLMSG_HDRLEN + 7,
		0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff,
	};
	uint64_t cookie = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		assert_int_equal(ack(lengths[i], 0, &good.head, &cookie),
				 -EIO);
		assert_int_equal(ack(lengths[i], -EINVAL, &good.head, &cookie),
				 -EIO);
		assert_int_equal(cookie, 0);
	}
}

/* The place of the attribute that was wrong has four bytes, not one. */
static void an_attribute_that_is_too_short_tells_nothing(void **state)
{
	static const struct { struct nlattr head; char value[4]; } shorter = {
		{ NLA_HDRLEN + 1, NLMSGERR_ATTR_OFFS }, "",
	};
	uint64_t cookie = 0;

	(void)state;
	assert_int_equal(ack(NLMSG_HDRLEN, -EINVAL, &shorter.head, &cookie),
			 -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cookie_of_an_acknowledgment_is_found),
		cmocka_unit_test(a_request_of_an_impossible_length_is_an_error),
		cmocka_unit_test(an_attribute_that_is_too_short_tells_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
