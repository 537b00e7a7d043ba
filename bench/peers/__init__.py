"""The same workloads on other libraries; each runs in an environment that has the library, and never imports treadle.

A script has one function for each library that it measures, named as in bench/environments.py: a generator of rows (name,
figure). What it has found before it fails is kept.
"""
