# SPDX-License-Identifier: BSD-3-Clause
"""The parts of scripts/bench: traffic, processes, counters, one module per benchmark, charts."""
