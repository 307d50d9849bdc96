"""What a power cut may leave of a folder.

The model is that of a file system that keeps no more than it must. Bytes of a file are durable once the file was
fsynced. A name (made, removed, or moved by a rename) is durable once one of the folders that it concerns was fsynced;
a rename is made as a whole or not at all. The log of failing_calls is replayed call by call. After each call that
changes something, these states of the folder are possible:

    lost     nothing is there that is not durable
    early    all names are there, but only durable bytes: a file may have its name before its content
    torn     all names and bytes are there, but of the last write to each file that was not fsynced only the first half;
             zeros follow
    zeros    all names and the lengths of files are there; bytes that are not durable are zeros
    swapped  of the names that are not durable only the newest is made, with durable bytes
"""
import hashlib
import os

KINDS = ("lost", "early", "torn", "zeros", "swapped")


class File:
    """`durable` are the bytes that a cut leaves; `pending` are the changes since then."""

    def __init__(self, content=b""):
        self.durable = content
        self.pending = []  # (offset, bytes), or (length, None) for a truncation

    def sync(self):
        self.durable = self.content()
        self.pending = []

    def content(self, kind=None):
        """The bytes with the pending changes, of which `kind` spoils some."""
        content = bytearray(self.durable)
        writes = [i for i, (_, data) in enumerate(self.pending) if data is not None]
        for i, (offset, data) in enumerate(self.pending):
            if data is None:
                content[offset:] = bytes(max(0, offset - len(content)))
                continue
            if kind == "zeros":
                data = bytes(len(data))
            elif kind == "torn" and i == writes[-1]:
                half = len(data) // 2
                data = data[:half] + bytes(len(data) - half)
            content.extend(bytes(max(0, offset - len(content))))
            content[offset:offset + len(data)] = data
        return bytes(content)


class Folder:
    def __init__(self):
        self.now, self.durable = {}, {}


class Disk:
    """A folder with what is durable of it."""

    def __init__(self, path, ignored=()):
        self.path = path
        self.ignored = ignored
        self.pending = []  # changes of names: lists of (folder, name, node or None)
        self.root = self.load(path)

    def load(self, path):
        folder = Folder()
        for entry in os.scandir(path):
            if entry.name in self.ignored:
                continue
            if entry.is_dir(follow_symlinks=False):
                node = self.load(entry.path)
            else:
                with open(entry.path, "rb") as file:
                    node = File(file.read())
            folder.now[entry.name] = folder.durable[entry.name] = node
        return folder

    # --- Replaying calls ---------------------------------------------------------------------------------------------

    def find(self, path):
        """The folder and the name of a path, and what has that name now; None for a path elsewhere."""
        relative = os.path.relpath(path, self.path)
        if relative == ".":
            return None, ".", self.root
        parts = relative.split("/")
        if parts[0] == ".." or parts[0] in self.ignored:
            return None, parts[-1], None
        folder = self.root
        for part in parts[:-1]:
            folder = folder.now.get(part)
            if not isinstance(folder, Folder):
                return None, parts[-1], None
        return folder, parts[-1], folder.now.get(parts[-1])

    def change(self, *names):
        for folder, name, node in names:
            if node is None:
                folder.now.pop(name, None)
            else:
                folder.now[name] = node
        self.pending.append(names)

    def replay(self, fields, data):
        """Replays a line of the log; `data` reads the bytes of the writes. True if something changed."""
        _, call, result, path, other, offset = fields[:6]
        result = int(result)
        if result < 0:
            return False
        folder, name, node = self.find(path)
        if call == "write":
            bytes_written = data.read(result)
            if isinstance(node, File):
                node.pending.append((int(offset), bytes_written))
            return isinstance(node, File)
        if call == "open" and folder and node is None and "create" in other:
            self.change((folder, name, File()))
        elif call == "open" and isinstance(node, File) and "truncate" in other:
            node.pending.append((0, None))
        elif call == "truncate" and isinstance(node, File):
            node.pending.append((int(offset), None))
        elif call == "mkdir" and folder:
            self.change((folder, name, Folder()))
        elif call == "unlink" and folder:
            self.change((folder, name, None))
        elif call in ("rename", "link") and folder and node:
            target, target_name, _ = self.find(other)
            names = [(target, target_name, node)] if target else []
            self.change(*([(folder, name, None)] if call == "rename" else []), *names)
        elif call == "sync" and node:
            self.sync(node)
        else:
            return False
        return True

    def sync(self, node):
        if isinstance(node, File):
            node.sync()
            return
        kept = []
        for names in self.pending:
            if any(folder is node for folder, _, _ in names):
                make_durable(names)
            else:
                kept.append(names)
        self.pending = kept

    # --- States ------------------------------------------------------------------------------------------------------

    def state(self, kind):
        """The paths and contents that a cut leaves now; the content of a folder is None."""
        newest = {}
        if kind == "swapped" and self.pending:
            newest = {(id(folder), name): node for folder, name, node in self.pending[-1]}
        found = {}

        def visit(folder, path):
            entries = dict(folder.durable if kind in ("lost", "swapped") else folder.now)
            for (owner, name), node in newest.items():
                if owner == id(folder):
                    entries[name] = node
            for name, node in entries.items():
                if isinstance(node, Folder):
                    found[path + name] = None
                    visit(node, f"{path}{name}/")
                elif node is not None:
                    found[path + name] = node.content(kind) if kind in ("torn", "zeros") else node.durable
        visit(self.root, "")
        return found


def make_durable(names):
    for folder, name, node in names:
        if node is None:
            folder.durable.pop(name, None)
        else:
            folder.durable[name] = node


def states(disk, log, data_path, kind):
    """All different states that a cut of this kind may leave, in order: the number of the call, and the content."""
    seen = set()
    with open(data_path, "rb") as data:
        for fields in log:
            if not fields[0].isdigit() or not disk.replay(fields, data):
                continue
            content = disk.state(kind)
            key = hashlib.sha256(repr(sorted(content.items())).encode()).digest()
            if key not in seen:
                seen.add(key)
                yield int(fields[0]), content


def write(content, folder):
    """Writes a state into an empty folder."""
    for path, data in sorted(content.items()):
        place = os.path.join(folder, path)
        if data is None:
            os.makedirs(place, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(place, "wb") as file:
                file.write(data)
