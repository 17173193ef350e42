#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Tests of the pure parts of scripts/bench: traffic, tables, verdicts, charts."""

import argparse
import ctypes
import ipaddress
import pathlib
import struct
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from benchlib import (  # noqa: E402  (the path is set above)
    cases, chart, compute, compute_client, compute_peers, counters, lb, linux, node, pcap, peers,
    plot, report, route, routes, store)


def header_sum(frame):
    """The folded sum over an IPv4 header: 0xffff if its checksum is right."""
    total = sum(struct.unpack("!10H", frame[14:34]))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def sample(pps, share=1.0, problems=()):
    return {"pps": pps, "cpu_share": share, "tsc_hz": 2_600_000_000, "problems": list(problems),
            "stages": [], "hugepages": False}


class Traffic(unittest.TestCase):
    def test_ip4_frames_have_the_size_and_a_right_checksum(self):
        for size in (64, 65, 576, 1514):
            frame = pcap.ip4_frame(cases.SOURCE4, 0x14010203, 1024, 9, size)
            self.assertEqual(len(frame), size)
            self.assertEqual(header_sum(frame), 0xFFFF)
            self.assertEqual(struct.unpack("!H", frame[16:18])[0], size - 14)

    def test_ip6_frames_have_the_size_and_length(self):
        frame = pcap.ip6_frame(bytes(16), bytes(16), 1024, 9, 64)
        self.assertEqual(len(frame), 64)
        self.assertEqual(struct.unpack("!H", frame[18:20])[0], 64 - 14 - 40)

    def test_transport_frames_have_right_checksums(self):
        for frame in (pcap.tcp4_frame((0x14010203, 1024), (lb.VIP, 80), lb.SYN),
                      pcap.udp4_frame((0x14010203, 1024), (lb.VIP, 80))):
            self.assertEqual(len(frame), 64)
            self.assertEqual(header_sum(frame), 0xFFFF)
            pseudo = frame[26:34] + struct.pack("!HH", frame[23], 20)
            self.assertEqual(pcap.checksum(pseudo + frame[34:54]), 0)

    def test_replies_go_to_every_port_that_the_flows_have(self):
        frames = list(lb.reply_frames(lb.POOL_ADDRESSES * 3))
        ports = {frame[30:34] + frame[36:38] for frame in frames}
        self.assertEqual(len(ports), len(frames))
        self.assertEqual(max(struct.unpack("!H", port[4:])[0] for port in ports),
                         lb.NAT_PORT_MIN + 2)

    def test_a_pcap_file_holds_every_frame(self):
        frames = [bytes([i]) * (60 + i) for i in range(3)]
        with tempfile.NamedTemporaryFile() as f:
            pcap.write(f.name, frames)
            data = pathlib.Path(f.name).read_bytes()
        self.assertEqual(struct.unpack("<I", data[:4])[0], 0xA1B2C3D4)
        self.assertEqual(len(data), 24 + sum(16 + len(frame) for frame in frames))
        self.assertTrue(data.endswith(frames[-1]))

    def test_routes_are_different_valid_and_repeatable(self):
        for make, text, bits in ((pcap.ip4_routes, pcap.ip4_text, 32),
                                 (pcap.ip6_routes, pcap.ip6_text, 128)):
            made = make(2000, 7)
            self.assertEqual(made, make(2000, 7))
            self.assertEqual(len(set(made)), 2000)
            for prefix in made:
                network = ipaddress.ip_network(text(*prefix))  # raises on host bits
                self.assertEqual(network.max_prefixlen, bits)
                self.assertFalse(network.is_multicast or network.is_loopback)

    def test_destinations_are_inside_of_routes(self):
        made = pcap.ip4_routes(500, 3)
        inside = pcap.addresses_inside(made, 100, 32, 3)
        networks = [ipaddress.ip_network(pcap.ip4_text(*r)) for r in made]
        for address in inside:
            self.assertTrue(any(ipaddress.ip_address(address) in n for n in networks))

    def test_imix_keeps_its_shares(self):
        made = cases.ip4_mixed(1)
        sizes = [len(frame) for frame in made.frames]
        for size, weight in cases.IMIX:
            self.assertAlmostEqual(sizes.count(size) / len(sizes), weight / 12, places=2)

    def test_small_cases_have_as_many_destinations_as_they_say(self):
        for build, at in ((cases.ip4_small, slice(30, 34)), (cases.ip6_small, slice(38, 54))):
            made = build(1)
            self.assertEqual(len({frame[at] for frame in made.frames}), cases.FEW)
            self.assertEqual(len(made.prefixes), 1)


class Configuration(unittest.TestCase):
    def test_it_names_every_next_hop_and_file(self):
        text = node.config(("a", "b"), route_files=["/x/y.txt"], routes=["prefix: 20.0.0.0/8"])
        for word in (*cases.HOPS4, *cases.HOPS6, "/x/y.txt", "20.0.0.0/8"):
            self.assertIn(word, text)


class Verdicts(unittest.TestCase):
    def case(self, net, ratio):
        return cases.Case("c", "text", net, ratio, None)

    def test_net_cycles_are_the_case_less_its_floor(self):
        row = route.result_of(self.case(25, None), [sample(40e6)], [sample(26e6)])
        self.assertEqual(row["floor"]["cycles_per_packet"], 65.0)
        self.assertEqual(row["cycles_per_packet"], 100.0)
        self.assertEqual(row["net_cycles_per_packet"], 35.0)
        self.assertIs(row["met"], False)

    def test_each_target_counts(self):
        for net, ratio, want in ((36, None, True), (34, None, False), (36, 0.6, True),
                                 (36, 0.7, False), (None, None, None)):
            row = route.result_of(self.case(net, ratio), [sample(40e6)], [sample(26e6)])
            self.assertIs(row["met"], want, (net, ratio))

    def test_a_loss_makes_a_case_invalid(self):
        runs = [sample(26e6), sample(26e6, problems=["packets were dropped: ip4_no_route 1"])]
        row = route.result_of(self.case(99, None), [sample(40e6)] * 2, runs)
        self.assertFalse(row["valid"])
        self.assertIs(row["met"], False)
        self.assertIn("INVALID", route.text({"cases": [row]}))

    def test_medians_ignore_one_bad_repetition(self):
        row = route.summary([sample(1e6), sample(26e6), sample(26e6)], 2_600_000_000)
        self.assertEqual(row["cycles_per_packet"], 100.0)
        self.assertEqual((row["mpps_min"], row["mpps_max"]), (1.0, 26.0))

    def test_a_stage_shows_its_best_repetition(self):
        def stage(cycles):
            return {"stage": "eth", "pkts": 1, "pkts_per_call": 1.0, "cycles_per_packet": cycles}

        best = route.least_cycles([[stage(None)], [stage(9.0)], [stage(7.0)], [stage(8.0)]])
        self.assertEqual(best, [stage(7.0)])

    def test_a_case_that_failed_is_in_the_table(self):
        row = route.failed(cases.CASES[0], "it did not start")
        result = {"cases": [row]}
        self.assertIn("it did not start", route.text(result))
        self.assertIn("INVALID", route.markdown(result))
        xml.fromstring(route.svg(result))


class SharedCounters(unittest.TestCase):
    def worker(self, **fields):
        return counters.Worker(**fields)

    def test_the_layout_is_that_of_the_header(self):
        text = (ROOT / "lib/api/stats.h").read_text()
        for name, value in (("MAGIC", "0x62726169u"), ("VERSION", "4"), ("WORKERS_MAX", "17"),
                            ("STAGES_MAX", "40"), ("DROPS_MAX", "128"), ("PORTS_MAX", "16"),
                            ("INTERFACES_MAX", "64"), ("NAME_MAX", "32"),
                            ("SERVICES_MAX", "1024"), ("BACKENDS_MAX", "4096")):
            self.assertRegex(text, rf"#define STATS_{name}\s+{value}\b")
        self.assertEqual(counters.WORKER_BYTES % counters.CACHE_LINE, 0)

    def test_packets_in_flight_are_what_went_in_and_not_out(self):
        before, after = self.worker(), self.worker(rx_pkts=100, tx_pkts=60, consumed_pkts=10)
        after.drops[3] = 20
        self.assertEqual(counters.imbalance(before, after), 10)

    def test_stage_cycles_are_per_sampled_packet(self):
        before, after = self.worker(), self.worker()
        after.stages[0] = counters.Stage(calls=10, pkts=640, sampled_pkts=64, sampled_cycles=640)
        rows = counters.stage_cycles(["eth", "arp"], before, after)
        self.assertEqual(rows, [{"stage": "eth", "pkts": 640, "pkts_per_call": 64.0,
                                 "cycles_per_packet": 10.0}])

    def test_only_new_drops_count(self):
        self.assertEqual(counters.difference({"a": 1, "b": 2}, {"a": 1, "b": 5, "c": 1}),
                         {"b": 3, "c": 1})


class Results(unittest.TestCase):
    def test_losses_leave_out_the_expected_drop(self):
        worker = counters.Worker()
        before, after = ({}, worker), ({routes.EXPECTED_DROP: 5, "ip4_no_route": 2}, worker)
        self.assertEqual(routes.losses(before, after), ["2 packets dropped: ip4_no_route"])

    def test_the_slower_of_apply_and_forwarding_counts(self):
        samples = [{"install": 2.0, "install_apply": 3.0}]
        row = routes.time_row("install", "text", samples, "install")
        self.assertEqual((row["value"], row["met"]), (3.0, True))

    def test_loss_at_a_steady_rate_makes_a_row_invalid(self):
        one = {"pps": 1e6, "cpu_ns_full": 500, "cpu_ns": 500, "lost": 0.5}
        self.assertFalse(linux.row_of("linux", [one], "af_xdp")["valid"])
        self.assertTrue(linux.row_of("linux", [{**one, "lost": 0}], "af_xdp")["valid"])


class Balancing(unittest.TestCase):
    def sample(self, new, unstored=0, packets=1000):
        worker = counters.Worker(rx_pkts=packets, tx_pkts=packets)
        return {"wall_pps": packets,
                "before": {"worker": counters.Worker(), "drops": {}, "at": 0,
                           "service": counters.Service()},
                "after": {"worker": worker, "drops": {}, "at": 1,
                          "service": counters.Service(new_flows=new, unstored_rate=unstored)}}

    def test_a_case_is_invalid_when_its_flows_are_others(self):
        cases_by_name = {case.name: case for case in lb.CASES}
        for name, sample, valid in (("dsr-10k", self.sample(0), True),
                                    ("dsr-10k", self.sample(500), False),
                                    ("new-flows", self.sample(1000), True),
                                    ("new-flows", self.sample(500), False),
                                    ("syn-flood", self.sample(10, 990), True),
                                    ("syn-flood", self.sample(10, 10), False)):
            self.assertEqual(not lb.problems_of(sample, cases_by_name[name]), valid, name)

    def test_memory_is_enough_for_the_frames(self):
        for case in lb.CASES:
            self.assertGreater(case.memory_mb() * (1 << 20) / 3 / lb.MBUF_BYTES, case.n_frames())

    def test_wrk_errors_are_counted(self):
        self.assertEqual(peers.wrk_errors("  10 requests in 1.00s"), 0)
        said = "  Socket errors: connect 1, read 2, write 0, timeout 4"
        self.assertEqual(peers.wrk_errors(said), 7)

    def test_peers_are_in_the_table(self):
        sample = {"per_second": 1000.0, "errors": 0, "cpu_us": 12.34, "own_cpu_us": None}
        row = peers.row_of("nftables", [sample] * 3, "af_xdp")
        self.assertIn("nftables", peers.text([row]))
        self.assertEqual(row["cpu_us_per_connection"], 12.3)


class Latencies(unittest.TestCase):
    def part(self, p999, **others):
        return {"n": 1000, "paused": 3, "p50_us": 5.0, "p99_us": 9.0, "p999_us": p999,
                "max_us": 2 * p999, "turn_max_us": 4.0, "commands": 7, "cpu_share": 0.999,
                **others}

    def row(self, *pairs):
        samples = [{"case": "keys-p999", "rep": i, "alone": alone, "with": beside}
                   for i, (alone, beside) in enumerate(pairs)]
        return store.latency_row(store.LATENCY_CASES[0], samples)

    def test_percentiles_are_medians_and_maxima_are_the_worst(self):
        row = self.row((self.part(10.0), self.part(20.0)), (self.part(11.0), self.part(90.0)),
                       (self.part(12.0), self.part(21.0)))
        self.assertEqual(row["case"], "keys-p999")
        self.assertEqual((row["alone"]["p999_us"], row["with"]["p999_us"]), (11.0, 21.0))
        self.assertEqual(row["alone"]["best"]["p999_us"], 10.0)
        self.assertEqual(row["difference_us"], {"p50_us": 0.0, "p99_us": 0.0, "p999_us": 10.0})
        self.assertEqual((row["with"]["max_us"], row["with"]["gets"]), (180.0, 3000))
        self.assertEqual(row["commands"], 21)
        self.assertIn("p99.9 +10.0 us", store.text({"cases": [row], "growth_10m": None}))
        self.assertIn("p99.9 +10.0 us", store.markdown({"cases": [row]}))
        self.assertIn("p99.9 21.0 (20.0)", store.markdown({"cases": [row]}))
        self.assertIn("medians of 3 short", store.text({"cases": [row], "growth_10m": None}))

    def test_the_best_decile_leaves_a_tenth_below(self):
        for n, want in ((1, 0), (9, 0), (11, 1), (41, 4)):
            self.assertEqual(store.best_decile([float(n - 1 - i) for i in range(n)]), want, n)

    def test_repetitions_are_short_and_many(self):
        args = argparse.Namespace(seconds=2.0, reps=5)
        self.assertEqual(store.short_reps(args), ["--seconds", 0.4, "--reps", 41])

    def test_a_thread_that_was_not_alone_is_said(self):
        quiet = self.row((self.part(10.0), self.part(20.0)))
        self.assertEqual(store.noise([quiet]), [])
        loud = self.row((self.part(10.0), self.part(20.0, cpu_share=0.9)))
        self.assertIn("keys-p999: the machine was not quiet", store.noise([loud])[0])
        self.assertIn("90.0%", store.text({"cases": [loud], "growth_10m": None}))

    def test_a_chart_of_them_shows_both(self):
        row = self.row((self.part(10.0), self.part(20.0)))
        svg = store.latency_svg({"cases": [row]})
        xml.fromstring(svg)
        for text in ("20.0", "10.0", "keys-p999"):
            self.assertIn(text, svg)

    def test_cases_have_names_of_their_own(self):
        self.assertEqual(len(store.NAMES), len(set(store.NAMES)))


class Computing(unittest.TestCase):
    def part(self, p99, **others):
        return {"n": 1000, "paused": 0, "p50_us": 1.0, "p99_us": p99, "p999_us": 2 * p99,
                "max_us": 3 * p99, "turn_max_us": 2.0, "commands": 4, "command_us": 50_000.0,
                "cpu_share": 1.0, "lost": 0, "drops": 0, **others}

    def samples(self, alone, beside):
        return [{"case": "feach-p999", "rep": i, "alone": alone, "with": beside} for i in range(3)]

    def peer(self, value, unit="ns"):
        return compute_peers.row("awk", "awk over lines of a file", [value, 2 * value, 3 * value],
                                 unit, 1000)

    def test_a_limit_is_the_most_of_a_time_and_the_least_of_a_rate(self):
        for name, values, met in (("seed-warm", [49, 50, 90], True), ("seed-warm", [51], False),
                                  ("map-1", [2.0], True), ("map-1", [1.9, 1.9, 9], False)):
            row = compute.result_of(name, values, min)
            self.assertIs(row["met"], met, (name, values))

    def test_rates_come_from_what_the_programs_print(self):
        one = {"items": 10_000_000, "seconds": 0.1, "cycles_per_item": 24.0}
        row = compute.map_auto_row({"map-auto": [one], "map-auto-2": [{**one, "seconds": 0.05}]})
        self.assertEqual((row["value"], row["met"], row["ns_on_all"]), (100.0, True, 5.0))
        row = compute.each_sum_row({"each-sum": [
            {"records": 10_000_000, "p50_us": 400_000.0, "cycles_per_op": 1e9}]})
        self.assertEqual((row["value"], row["met"]), (25.0, False))
        self.assertEqual(compute.in_peers_unit(row), 40.0)

    def test_a_packet_that_is_lost_only_beside_it_misses(self):
        for beside, met in ((self.part(7.0), True), (self.part(7.0, lost=1), False),
                            (self.part(8.0), False)):
            row = compute.isolation_row("isolation-packets",
                                        self.samples(self.part(2.0), beside))
            self.assertIs(row["met"], met, beside)

    def test_peers_stand_below_their_case(self):
        row = compute.result_of("each-sum", [40.0], max)
        row["peers"] = [self.peer(100.0)]
        lines = compute.text({"cases": [row]}).split("\n")
        self.assertTrue(lines[2].startswith("each-sum"))
        self.assertIn("x 8.0", lines[3])
        self.assertIn("200.0 ns (100.0)", compute.markdown({"cases": [row]}))

    def test_what_failed_is_in_the_table(self):
        result = {"cases": [compute.failed("map-1", "it did not start")]}
        self.assertIn("it did not start", compute.text(result))
        self.assertIn("- map-1: INVALID: it did not start", compute.markdown(result))
        self.assertFalse(result["cases"][0]["valid"])

    def test_charts_are_well_formed(self):
        rows = [compute.quantum_row(q, self.samples(self.part(2.0), self.part(p99)))
                for q, p99 in (("auto", 3.0), ("1us", 3.0), ("10us", 12.0))]
        each = compute.result_of("each-sum", [40.0], max)
        each["peers"] = [self.peer(100.0)]
        many = compute.result_of("map-auto", [100.0], max, ns_on_all=5.0)
        many["peers"] = [self.peer(10.0)]
        result = {"cases": [each, many, *rows]}
        made = {"": compute.svg(result), **compute.more_svgs(result)}
        self.assertEqual(set(made), {"", "map", "quantum"})
        for svg in made.values():
            xml.fromstring(svg)
        self.assertIn("20 M/s", made["quantum"])
        self.assertIn("quantum-auto: 20.0 M records/s meanwhile", compute.text(result))

    def test_points_are_inside_of_a_plot(self):
        made = plot.Plot("a<b", "us", "us", [1, 10, 100], ["x", "y", "z"],
                         [plot.Line("l", [0, 5.5, None])])
        for dot in xml.fromstring(plot.draw(made)).iter("{http://www.w3.org/2000/svg}circle"):
            self.assertTrue(0 < float(dot.get("cx")) < plot.WIDTH)
            self.assertTrue(0 < float(dot.get("cy")) < plot.HEIGHT)

    def test_the_best_chunk_is_reported_and_a_chunk_of_one(self):
        args = argparse.Namespace(reps=1)
        seconds = {1: 10.0, 10: 1.0, 100: 2.0}
        rows = compute_peers.chunked("p", "peer", ((100, 1), (100, 10), (100, 100)), args,
                                     lambda items, chunk: seconds[chunk])
        self.assertEqual([row["text"] for row in rows],
                         ["peer, chunks of 1", "peer, chunks of 10"])
        self.assertEqual(rows[1]["value"], 1e7)

    def test_wrong_sums_are_seen(self):
        compute_peers.check_sum("p", 2 * (0 + 1 + 2), 3)
        compute_peers.check_each("p", ["3", "3", "0", "2"], 3)
        with self.assertRaises(compute_peers.BenchError):
            compute_peers.check_sum("p", 7, 3)
        with self.assertRaises(compute_peers.BenchError):
            compute_peers.check_each("p", [3, 3, 0, 3], 3)

    def test_a_peer_that_is_not_there_is_left_out(self):
        def broken():
            raise FileNotFoundError("no such program")

        self.assertEqual(compute_peers.skipping(broken), [])

    def test_requests_are_encoded_as_redis_reads_them(self):
        self.assertEqual(compute_client.encode("FMAP", b"\x00\xff"),
                         b"*2\r\n$4\r\nFMAP\r\n$2\r\n\x00\xff\r\n")

    def test_cases_that_have_peers_are_cases(self):
        self.assertLessEqual(set(compute_peers.CASES), set(compute.NAMES))


class Charts(unittest.TestCase):
    def test_a_chart_is_well_formed_and_inside_of_its_frame(self):
        bars = [chart.Bar("a<b", "text & more", 10, 20, 15, "note"),
                chart.Bar("c", "", 0.001, None, None, "")]
        svg = chart.draw(chart.Chart("t", "Mpps", ("x", "y", "z"), bars))
        for box in xml.fromstring(svg).iter("{http://www.w3.org/2000/svg}rect"):
            self.assertLessEqual(float(box.get("x")) + float(box.get("width")), chart.WIDTH)
        self.assertIn("prefers-color-scheme: dark", svg)

    def test_grid_steps_are_round(self):
        for top, step in ((38.9, 10), (0.9, 0.2), (4, 1), (1500, 500)):
            self.assertAlmostEqual(chart.nice_step(top), step)

    def test_tables_line_up(self):
        lines = report.text_table(["name", "n"], [["long name", 1], ["x", 1000]]).split("\n")
        self.assertEqual(len({len(line) for line in lines}), 1)
        markdown = report.markdown_table(["name", "n"], [["x", 1]])
        self.assertEqual(markdown.split("\n")[1], "|---|---:|")


if __name__ == "__main__":
    unittest.main()
