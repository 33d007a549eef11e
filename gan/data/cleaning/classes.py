"""Which class each picture is of, where dataset.json and folders leave gaps or contradict each other."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from gan.data.cleaning.findings import Finding, Kind, Verdict
from gan.data.label_files import DATASET_JSON
from gan.data.labels import SHARD
from gan.data.members import Label, Source, folder_of

# Folders are the classes of dataset.json where this share of its pictures lies in its class's folder.
AGREEMENT = 0.9
# Without classes.json: a number twice as high as there are classes, on this share of the pictures, is a slip.
RARE = 0.01


@dataclass(frozen=True, kw_only=True)
class Classes:
    """labels: of the members by name; numbers go into class_names, where it has them. guessed: names whose label
    nobody gave, taken from their folder."""

    labels: Mapping[str, Label]
    class_names: tuple[str, ...]
    findings: tuple[Finding, ...]
    guessed: frozenset[str] = frozenset()

    def name_of(self, member: str) -> str | None:
        label = self.labels.get(member)
        if isinstance(label, int):
            return self.class_names[label] if 0 <= label < len(self.class_names) else f"class {label}"
        return label


def settle(source: Source) -> Classes:
    """The labels as found, with the gaps of a dataset.json filled from folders where these are its classes."""
    if source.labelled == "folders":
        folders = {member.name: member.label for member in source.members}
        return Classes(labels=folders, class_names=source.class_names, findings=tuple(_beside_the_folders(folders)))
    numbers = {member.name: member.label for member in source.members if isinstance(member.label, int)}
    wrong = _out_of_range(numbers, source.class_names)
    good = {name: number for name, number in numbers.items() if name not in wrong}
    folder_of_number = _folders(good)
    number_of_folder = {folder: number for number, folder in folder_of_number.items()}
    class_names = source.class_names or _named(folder_of_number)
    labels: dict[str, Label] = {}
    guessed: set[str] = set()
    findings = [
        _fault(name, f"{DATASET_JSON} labels it, but there is no such picture") for name in source.labels_without_file
    ]
    for member in source.members:
        name, folder = member.name, folder_of(member.name)
        known = number_of_folder.get(folder or "")
        if name in good:
            labels[name] = good[name]
            if known is not None and known != good[name]:
                said = _shown(good[name], class_names)
                findings.append(_fault(name, f"{DATASET_JSON} says {said}, its folder {folder!r}"))
            continue
        labels[name] = known
        guessed.add(name)
        trouble = f"class {wrong[name]} is out of range" if name in wrong else f"{DATASET_JSON} has no label for it"
        findings.append(_fault(name, f"{trouble}: {_taken_as(known, folder)}"))
    return Classes(labels=labels, class_names=class_names, findings=tuple(findings), guessed=frozenset(guessed))


def _beside_the_folders(labels: Mapping[str, Label]) -> list[Finding]:
    without = [name for name, label in labels.items() if label is None]
    if len(without) == len(labels):
        return []
    return [_fault(name, "it lies beside the classes' folders: it has no class") for name in without]


def _fault(name: str, reason: str) -> Finding:
    return Finding(kind=Kind.LABEL_FAULT, verdict=Verdict.FLAG, name=name, reason=reason)


def _out_of_range(numbers: Mapping[str, int], class_names: tuple[str, ...]) -> Mapping[str, int]:
    times = Counter(numbers.values())
    if class_names:
        return {name: number for name, number in numbers.items() if not 0 <= number < len(class_names)}
    return {
        name: number
        for name, number in numbers.items()
        if number < 0 or (number >= 2 * len(times) and times[number] <= max(1, RARE * len(numbers)))
    }


def _folders(numbers: Mapping[str, int]) -> Mapping[int, str]:
    """The folder of each number, if folders and numbers say the same of nearly all; else nothing."""
    pairs = Counter((number, folder) for name, number in numbers.items() if (folder := folder_of(name)))
    best: dict[int, str] = {}
    for (number, folder), _ in pairs.most_common():
        if not SHARD.fullmatch(folder):
            best.setdefault(number, folder)
    agreeing = sum(pairs[number, folder] for number, folder in best.items())
    is_one_to_one = len(set(best.values())) == len(best)
    return best if len(best) > 1 and is_one_to_one and agreeing >= AGREEMENT * len(numbers) else {}


def _named(folders: Mapping[int, str]) -> tuple[str, ...]:
    if not folders:
        return ()
    return tuple(folders.get(number, f"class {number}") for number in range(max(folders) + 1))


def _shown(number: int, class_names: tuple[str, ...]) -> str:
    return repr(class_names[number]) if number < len(class_names) else f"class {number}"


def _taken_as(number: int | None, folder: str | None) -> str:
    return "it has no class" if number is None else f"taken as {folder!r}, like its folder"
