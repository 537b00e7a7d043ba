"""Paths at which there is no file to be read."""

from __future__ import annotations

import os
import socket

from keras_tests.hostile.table import Table

PATHS = Table("either")


@PATHS.row("does not exist")
def missing(path):
    pass


@PATHS.row("a folder")
def folder(path):
    path.mkdir()


@PATHS.row("a pipe")
def pipe(path):
    os.mkfifo(path)


@PATHS.row("a pipe")
def pipe_behind_links(path):
    os.mkfifo(path.with_suffix(".pipe"))
    path.with_suffix(".link").symlink_to(path.with_suffix(".pipe"))
    path.symlink_to(path.with_suffix(".link"))


@PATHS.row("a device")
def device_behind_a_link(path):
    path.symlink_to("/dev/zero")


@PATHS.row("cannot be read")
def link_to_itself(path):
    path.symlink_to(path)


@PATHS.row("a socket")
def socket_file(path):
    here = os.getcwd()
    os.chdir(path.parent)  # the names of sockets are short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name[-90:])
            os.rename(path.name[-90:], path)
    finally:
        os.chdir(here)
