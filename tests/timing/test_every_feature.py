"""Every feature of the DRAM simulator decides something: without it the engine's command log is another.

The features and their traces are the rows of `tests.timing.feature_table`; docs/validation.md lists them, and
`python -m tests.docs.tables` writes that list anew.
"""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from simulators.dram import config
from simulators.dram.memory.mapping import MAPPINGS
from tests.docs.pages import ROOT
from tests.docs.tables import rendered, with_table
from tests.timing.feature_table import FEATURES
from tests.timing.features import engine_log, row_of, twin_log, violations

BY_ID = {feature.id: feature for feature in FEATURES}

# Fields that decide nothing by themselves: what they set is under the name of its policy.
_UNDER_ANOTHER_NAME = {
    "request_buffer_size": "bankwise",
    "page_timeout": "page-timeout-cycles",
    "para_threshold": "para",
    "graphene_threshold": "graphene",
    "graphene_entries": "graphene",
    "raa_initial": "rfm",
    "prac_threshold": "prac",
}


@pytest.fixture(params=BY_ID)
def feature(request):
    return BY_ID[request.param]


def test_switching_a_feature_off_changes_the_command_log(feature):
    with_it = engine_log(feature.with_it, feature.trace)

    without_it = engine_log(feature.without_it, feature.trace)

    assert with_it != without_it


def test_the_engine_does_with_a_feature_what_the_twin_does(feature):
    ours = engine_log(feature.with_it, feature.trace)

    assert ours == twin_log(feature.with_it, feature.trace)


def test_the_audit_accepts_the_log_with_a_feature(feature):
    assert violations(feature.with_it, feature.trace) == []


def test_each_feature_has_a_name_of_its_own():
    assert len(BY_ID) == len({feature.name for feature in FEATURES}) == len(FEATURES)


@pytest.mark.parametrize(
    ("policy", "names"),
    [
        ("page_policy", config.PAGE_POLICIES),
        ("scheduler", config.SCHEDULERS),
        ("scheduler_buffer", config.SCHEDULER_BUFFERS),
        ("resp_queue", config.RESPONSE_QUEUES[1:]),
        ("refresh_policy", config.REFRESH_POLICIES[1:]),
        ("arbiter", ("Simple", "Reorder")),
        ("power_down_policy", config.POWER_DOWN_POLICIES[1:]),
        ("command_mux", config.COMMAND_MUXES[1:]),
        ("slot_release", config.SLOT_RELEASES[1:]),
        ("mitigation", config.MITIGATIONS[1:]),
        ("first_ready", config.SWITCHES[1:]),
        ("write_forwarding", config.SWITCHES[1:]),
        ("write_coalescing", config.SWITCHES[1:]),
        ("address_mapping", MAPPINGS),
    ],
)
def test_no_choice_of_a_policy_is_without_a_row(policy, names):
    shown = {feature.on.get(policy) for feature in FEATURES}

    assert set(names) - shown == set()


def test_no_field_of_the_controller_is_without_a_row():
    policies = {item.name for item in fields(config.ControllerConfig)} - set(config.TIMING_FIELDS)
    shown = {name.removesuffix("_cycles") for feature in FEATURES for name in feature.on}
    shown |= {name for name, row in _UNDER_ANOTHER_NAME.items() if row in BY_ID}

    assert policies - shown - {"rows", "lengths"} == set()


def test_the_page_on_validation_lists_every_feature_with_its_first_difference():
    rows = [row_of(feature) for feature in FEATURES]
    text = (ROOT / "docs" / "validation.md").read_text()

    assert with_table(text, "Features", rows) == text, "run python -m tests.docs.tables"
    assert rendered(rows) in text


def test_the_page_on_validation_names_this_test():
    text = (ROOT / "docs" / "validation.md").read_text()

    named = set(re.findall(r"`(test_\w+)\[", text))

    assert named == {test_switching_a_feature_off_changes_the_command_log.__name__}
