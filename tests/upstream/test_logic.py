"""Recorded upstream numbers of the topic logic."""

from recorded_numbers import hold_against, recorded_tests


@recorded_tests("logic")
def test_refimpl_agrees_with_the_recorded_numbers(record):
    hold_against(record)
