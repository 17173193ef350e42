# SPDX-License-Identifier: BSD-3-Clause
"""The parts of scripts/lint: source (what is read), rules (what is checked), selftest."""
