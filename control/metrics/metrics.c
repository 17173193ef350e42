/* SPDX-License-Identifier: BSD-3-Clause */
/* The HTTP server of the metrics. Thread: main. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/http.h>

#include "control/metrics/metrics.h"

#define HTTP_HEADERS_MAX_BYTES 16384
#define HTTP_BODY_MAX_BYTES    1024
#define HTTP_TIMEOUT_S         10

struct metrics {
	struct evhttp *http;
	const struct metrics_source *source;
};

static void answer(struct evhttp_request *req, int code, const char *type, struct evbuffer *body)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);

	evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_send_reply(req, code, code == HTTP_OK ? "OK" : NULL, body);
}

static void on_metrics(struct evhttp_request *req, void *arg)
{
	const struct metrics_source *source = ((struct metrics *)arg)->source;
	struct api_control_status status = {0};
	struct evbuffer *body = evbuffer_new();
	struct service_view services;

	if (!body) {
		evhttp_send_error(req, HTTP_INTERNAL, "no memory");
		return;
	}
	source->status(source->ctx, &status);
	services = source->services(source->ctx);
	metrics_render(body, source->counters(source->ctx), &status, &services);
	answer(req, HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", body);
	evbuffer_free(body);
}

static void on_health(struct evhttp_request *req, void *arg)
{
	const struct metrics_source *source = ((struct metrics *)arg)->source;
	struct api_control_status status = {0};
	struct evbuffer *body = evbuffer_new();
	int code = HTTP_OK;

	if (!body) {
		evhttp_send_error(req, HTTP_INTERNAL, "no memory");
		return;
	}
	source->status(source->ctx, &status);
	if (status.dataplane_pid == 0) {
		code = HTTP_SERVUNAVAIL;
		evbuffer_add_printf(body, "braid-dataplane is not connected\n");
	} else if (status.installed != status.generation) {
		code = HTTP_SERVUNAVAIL;
		evbuffer_add_printf(body, "generation %llu is installed, %llu is wanted\n",
			(unsigned long long)status.installed,
			(unsigned long long)status.generation);
	} else {
		evbuffer_add_printf(body, "ok\n");
	}
	answer(req, code, "text/plain; charset=utf-8", body);
	evbuffer_free(body);
}

static void on_other(struct evhttp_request *req, void *arg)
{
	struct evbuffer *body = evbuffer_new();

	if (body)
		evbuffer_add_printf(body, "braid-control serves /metrics and /healthz\n");
	answer(req, HTTP_NOTFOUND, "text/plain; charset=utf-8", body);
	if (body)
		evbuffer_free(body);
}

static int bind_failed(const char *address, uint16_t port, int errnum, struct base_error *err)
{
	if (errnum == EADDRINUSE)
		return base_error_set(err, errnum,
			"metrics: %s port %u is in use by another process (stop it, or choose "
			"another metrics.listen)",
			address, port);
	if (errnum == EADDRNOTAVAIL)
		return base_error_set(err, errnum,
			"metrics: %s is not an address of this machine (choose another "
			"metrics.listen)",
			address);
	if (errnum == EACCES)
		return base_error_set(err, errnum,
			"metrics: no permission to listen on port %u (run as root, or choose one "
			"from 1024)",
			port);
	return base_error_set(err, errnum ? errnum : EIO,
		"metrics: cannot listen on %s port %u: %s", address, port,
		strerror(errnum ? errnum : EIO));
}

struct metrics *metrics_create(struct event_base *base, const char *address, uint16_t port,
	const struct metrics_source *source, struct base_error *err)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (m)
		m->http = evhttp_new(base);
	if (!m || !m->http) {
		base_error_set(err, ENOMEM, "metrics: no memory for the HTTP server");
		free(m);
		return NULL;
	}
	m->source = source;
	evhttp_set_allowed_methods(m->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_max_headers_size(m->http, HTTP_HEADERS_MAX_BYTES);
	evhttp_set_max_body_size(m->http, HTTP_BODY_MAX_BYTES);
	evhttp_set_timeout(m->http, HTTP_TIMEOUT_S);
	evhttp_set_cb(m->http, "/metrics", on_metrics, m);
	evhttp_set_cb(m->http, "/healthz", on_health, m);
	evhttp_set_gencb(m->http, on_other, m);
	errno = 0;
	if (evhttp_bind_socket(m->http, address, port) == 0)
		return m;
	bind_failed(address, port, errno, err);
	metrics_destroy(m);
	return NULL;
}

void metrics_destroy(struct metrics *m)
{
	if (!m)
		return;
	evhttp_free(m->http);
	free(m);
}
