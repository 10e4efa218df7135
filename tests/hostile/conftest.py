"""What the tests of hostile files share: a check that nothing is left behind."""
