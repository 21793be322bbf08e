"""The suites of mimics: networks of pods of growing number, seen from the hosts of one."""
