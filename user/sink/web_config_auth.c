// SPDX-License-Identifier: GPL-2.0-only
#include <crypt.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>

#include "web_config_auth.h"

#define CHECKS_MAX 64

struct web_check {
	STAILQ_ENTRY(web_check) link;
	struct MHD_Connection *connection;
	char *user, *password;
	char hash[WEB_HASH]; /* of an unknown user: somebody's, for the time that it takes */
	bool known;
	bool right;
};
STAILQ_HEAD(web_checks, web_check);

struct web_auth {
	unsigned char key[32]; /* of the MACs of right passwords */
	int wake;
	unsigned cnt; /* checks that are not over */
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t more;
	struct web_checks waiting, done;
	bool stop;
};

/* Runs on the worker's thread; touches nothing but the check. */
static bool is_right(struct crypt_data *data, const struct web_check *c)
{
	const char *got = crypt_r(c->password, c->hash, data);

	return got && strlen(got) == WEB_HASH - 1 && !gnutls_memcmp(got, c->hash, WEB_HASH - 1) &&
	       c->known;
}

static void *work(void *ctx)
{
	struct crypt_data *data = calloc(1, sizeof(*data));
	struct web_auth *a = ctx;

	pthread_mutex_lock(&a->lock);
	while (!a->stop) {
		struct web_check *c = STAILQ_FIRST(&a->waiting);

		if (!c) {
			pthread_cond_wait(&a->more, &a->lock);
			continue;
		}
		STAILQ_REMOVE_HEAD(&a->waiting, link);
		pthread_mutex_unlock(&a->lock);
		c->right = data && is_right(data, c);
		pthread_mutex_lock(&a->lock);
		STAILQ_INSERT_TAIL(&a->done, c, link);
		eventfd_write(a->wake, 1);
	}
	pthread_mutex_unlock(&a->lock);
	free(data);
	return NULL;
}

int web_auth_start(int wake, struct web_auth **out)
{
	struct web_auth *a = calloc(1, sizeof(*a));
	sigset_t all, before;
	int ret;

	if (!a)
		return -ENOMEM;
	a->wake = wake;
	STAILQ_INIT(&a->waiting);
	STAILQ_INIT(&a->done);
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->more, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = gnutls_rnd(GNUTLS_RND_KEY, a->key, sizeof(a->key))
		      ? -EIO
		      : -pthread_create(&a->thread, NULL, work, a);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ret) {
		free(a);
		return ret;
	}
	*out = a;
	return 0;
}

void web_auth_resume(struct web_auth *a)
{
	struct web_check *c;

	pthread_mutex_lock(&a->lock);
	while ((c = STAILQ_FIRST(&a->done))) {
		STAILQ_REMOVE_HEAD(&a->done, link);
		a->cnt--;
		MHD_resume_connection(c->connection);
	}
	pthread_mutex_unlock(&a->lock);
}

void web_auth_stop(struct web_auth *a)
{
	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_signal(&a->more);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	STAILQ_CONCAT(&a->done, &a->waiting);
	web_auth_resume(a);
}

void web_auth_free(struct web_auth *a)
{
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->more);
	explicit_bzero(a->key, sizeof(a->key));
	free(a);
}

static void free_secret(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void web_config_forget(struct web_check *c)
{
	if (!c)
		return;
	free(c->user);
	free_secret(c->password);
	free(c);
}

static bool mac_of(const struct web_auth *a, const char *password, unsigned char mac[32])
{
	return !gnutls_hmac_fast(GNUTLS_MAC_SHA256, a->key, sizeof(a->key), password,
				 strlen(password), mac);
}

static struct web_user *find_user(struct web_settings *s, const char *name)
{
	for (size_t i = 0; i < s->user_cnt; i++)
		if (!strcmp(s->users[i].name, name))
			return &s->users[i];
	return NULL;
}

static bool was_right(const struct web_auth *a, const struct web_user *user, const char *password)
{
	unsigned char mac[32];

	return user && user->has_mac && mac_of(a, password, mac) &&
	       !gnutls_memcmp(mac, user->mac, sizeof(mac));
}

/* The user may have another hash by now, or be gone. */
static void remember(const struct web_auth *a, struct web_settings *s, const struct web_check *c)
{
	struct web_user *user = find_user(s, c->user);

	if (user && !strcmp(user->hash, c->hash))
		user->has_mac = mac_of(a, c->password, user->mac);
}

static void enqueue(struct web_auth *a, struct web_check *c)
{
	a->cnt++;
	MHD_suspend_connection(c->connection);
	pthread_mutex_lock(&a->lock);
	STAILQ_INSERT_TAIL(&a->waiting, c, link);
	pthread_cond_signal(&a->more);
	pthread_mutex_unlock(&a->lock);
}

enum web_answer web_auth_ask(struct web_auth *a, struct web_settings *s,
			     struct MHD_Connection *connection, struct web_check **check)
{
	struct web_check *c = *check;
	struct web_user *user;

	if (c) {
		if (c->right)
			remember(a, s, c);
		return c->right ? WEB_WELCOME : WEB_UNAUTHORIZED;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return WEB_BUSY;
	*check = c;
	c->connection = connection;
	c->user = MHD_basic_auth_get_username_password(connection, &c->password);
	if (!c->user)
		return WEB_UNAUTHORIZED;
	user = find_user(s, c->user);
	if (was_right(a, user, c->password))
		return WEB_WELCOME;
	if (a->cnt >= CHECKS_MAX)
		return WEB_BUSY;
	c->known = user;
	memcpy(c->hash, user ? user->hash : s->users[0].hash, WEB_HASH);
	enqueue(a, c);
	return WEB_WAIT;
}
