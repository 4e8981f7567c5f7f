"""What the stored answers know of single images, and of parts of them by columns about the images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ablate.errors import StudyError
from ablate.readers.image_columns import columns_about, columns_by_path
from ablate.readers.sheet import read_sheet
from ablate.records import Cell, Contrast
from ablate.report.gather.answers import answer_facts
from ablate.report.gather.slices import MOST_COLUMNS, cut_columns
from ablate.report.gather.stored_answers import Sums, add_up
from ablate.splits.rules import Folds, Official
from ablate.workflows.image_columns import image_columns
from tests.unit.test_outcomes import LABELS, TARGETS, a_cell

STEP = Contrast(name="+ BN", variant="BN", reference="baseline", weights={"BN": 1.0, "baseline": -1.0}, family="chain")


@pytest.fixture
def cells(tmp_path: Path) -> list[Cell]:
    """Five replicates. Both variants take image 5, an owl, for a cat; the baseline takes images 2 and 3 for cats."""
    return [
        a_cell(tmp_path, variant, replicate, TARGETS, predicted)
        for replicate in range(5)
        for variant, predicted in (("baseline", [0, 0, 0, 0, 2, 0]), ("BN", [0, 0, 1, 1, 2, 0]))
    ]


def drawn_sums(images: int = 200, *, replicates: int = 4, share: float = 0.8, groups: int = 0) -> Sums:
    """Two variants that are right at random."""
    rng, sums = np.random.default_rng(3), Sums()
    sums.numbers = {f"image {i:03d}": i for i in range(images)}
    if groups:
        sums.groups = {i: i % groups for i in range(images)}
    for replicate in range(replicates):
        sums.images[replicate] = np.arange(images)
        for variant in ("baseline", "BN"):
            sums.scores[variant, replicate] = (rng.random(images) < share).astype(float)
    return sums


class TestNeverRight:
    """Images that no run gets right."""

    def test_they_are_listed_with_the_class_all_runs_say(self, cells: list[Cell]) -> None:
        """Ten runs say cat."""
        facts = answer_facts(add_up(cells), [STEP], LABELS, Official(), {})

        assert facts is not None
        assert facts.never_right == (("image 05", "owl", 10, "cat", 10),)
        assert (facts.tested, facts.runs) == (6, 10)

    def test_where_runs_differ_the_most_frequent_class_is_told(self, tmp_path: Path) -> None:
        """Two of three; such images come after those of which all say the same."""
        said = ([1, 1], [1, 2], [1, 2])
        cells = [a_cell(tmp_path, "x", replicate, [0, 0], found) for replicate, found in enumerate(said)]
        facts = answer_facts(add_up(cells), [], LABELS, Official(), {})

        assert facts is not None
        assert facts.never_right == (("image 00", "cat", 3, "dog", 3), ("image 01", "cat", 3, "owl", 2))

    def test_two_runs_are_too_few(self, tmp_path: Path) -> None:
        """That both are wrong about an image is no news."""
        cells = [a_cell(tmp_path, "x", replicate, [0, 0], [1, 1]) for replicate in range(2)]
        facts = answer_facts(add_up(cells), [], LABELS, Official(), {})

        assert facts is not None
        assert facts.never_right == ()

    def test_answers_that_count_in_part_are_passed_over(self) -> None:
        """An image that is half right is neither."""
        sums = drawn_sums()
        sums.scores["BN", 0] = sums.scores["BN", 0] / 2

        assert answer_facts(sums, [STEP], (), Official(), {}) is None


class TestChanges:
    """Images that a step fixes or breaks."""

    def test_a_step_lists_the_images_it_fixes(self, cells: list[Cell]) -> None:
        """Two dogs, wrong in five tests before it and right in five after it."""
        facts = answer_facts(add_up(cells), [STEP, STEP], LABELS, Official(), {})

        assert facts is not None
        (change,) = facts.changes
        assert change.name == "+ BN"
        assert change.fixed == (("image 02", "dog", 5, 0, 5), ("image 03", "dog", 5, 0, 5))
        assert change.broken == ()
        assert (change.assessed, change.n_images, change.most_tests) == (6, 6, 5)

    def test_only_replicates_with_both_variants_count(self, cells: list[Cell]) -> None:
        """A missing run leaves four tests, which are too few."""
        facts = answer_facts(add_up(cells[1:]), [STEP], LABELS, Official(), {})

        assert facts is not None
        assert (facts.changes[0].assessed, facts.changes[0].most_tests) == (0, 4)

    def test_averages_of_steps_are_passed_over(self, cells: list[Cell]) -> None:
        """There are no two runs whose labels could be exchanged."""
        average = Contrast(
            name="mean", variant="BN", reference="baseline", weights={"BN": 0.5, "baseline": -0.5}, family="factorial"
        )
        facts = answer_facts(add_up(cells), [average], LABELS, Official(), {})

        assert facts is not None
        assert facts.changes == ()


class TestSlices:
    """Accuracy by what a column says about the images."""

    def test_each_value_has_a_level_with_intervals_that_hold_together(self) -> None:
        """Three intervals a variant: the whole and two parts, each wider than one that holds alone."""
        sums = drawn_sums()
        camera = {name: "AB"[i % 2] for name, i in sums.numbers.items()}
        (column,), passed_over = cut_columns(sums, {"camera": camera}, Official())
        (alone,), _ = cut_columns(sums, {"camera": {**camera, "image 000": "C"}}, Official())

        assert [(row.value, row.n, row.reason) for row in column.rows] == [("A", 100, ""), ("B", 100, "")]
        assert column.intervals == 6
        assert alone.intervals == 6
        level = column.rows[0].levels["BN"]
        right = np.concatenate([sums.scores["BN", r][::2] for r in range(4)])
        assert level.mean == pytest.approx(100 * right.mean())
        assert level.lo < level.mean < level.hi
        assert passed_over == ()

    def test_small_parts_are_named_and_have_no_level(self) -> None:
        """Nineteen images are too few."""
        sums = drawn_sums()
        camera = {name: "old" if i < 19 else "new" for name, i in sums.numbers.items()}
        (column,), _ = cut_columns(sums, {"camera": camera}, Official())

        assert [(row.value, row.n, row.reason, bool(row.levels)) for row in column.rows] == [
            ("new", 181, "", True),
            ("old", 19, "images", False),
        ]

    def test_parts_of_few_groups_have_no_level_and_parts_that_are_one_group_have(self) -> None:
        """Two patients tell nothing of a third; one hospital is itself, and its images are the draws."""
        sums = drawn_sums(groups=4)
        halves, own = ({name: str(i % n) for name, i in sums.numbers.items()} for n in (2, 4))
        (by_two, by_four), _ = cut_columns(sums, {"halves": halves, "own": own}, Official())

        assert [row.reason for row in by_two.rows] == ["groups", "groups"]
        assert [row.reason for row in by_four.rows] == [""] * 4

    def test_many_numbers_are_cut_at_their_quartiles(self) -> None:
        """In the order of the numbers; images of no value are counted."""
        sums = drawn_sums()
        age = {name: str(i) for name, i in sums.numbers.items() if i >= 100}
        (column,), _ = cut_columns(sums, {"age": age}, Official())

        assert [(row.value, row.n) for row in column.rows] == [
            ("≤ 124", 25), ("> 124, ≤ 149", 25), ("> 149, ≤ 174", 25), ("> 174", 25),
        ]  # fmt: skip
        assert column.is_cut
        assert column.unknown == 100

    def test_many_names_are_passed_over_and_named(self) -> None:
        """A name an image has for itself tells nothing; a column of one value is none."""
        sums = drawn_sums()
        about = {"name": {name: name for name in sums.numbers}, "one": dict.fromkeys(sums.numbers, "same")}

        assert cut_columns(sums, about, Official()) == ((), (("name", 200),))

    def test_no_more_than_twelve_columns_are_cut(self) -> None:
        """The others are named."""
        sums = drawn_sums()
        camera = {name: "AB"[i % 2] for name, i in sums.numbers.items()}
        cut, passed_over = cut_columns(sums, {str(i): camera for i in range(14)}, Official())

        assert len(cut) == MOST_COLUMNS
        assert passed_over == (("12", 2), ("13", 2))

    def test_folds_are_laid_out_as_in_the_other_tables(self) -> None:
        """Each image is tested once."""
        sums = drawn_sums()
        for replicate in range(4):
            sums.images[replicate] = np.arange(replicate * 50, (replicate + 1) * 50)
            for variant in ("baseline", "BN"):
                sums.scores[variant, replicate] = sums.scores[variant, replicate][:50]
        camera = {name: "AB"[i % 2] for name, i in sums.numbers.items()}
        (column,), _ = cut_columns(sums, {"camera": camera}, Folds(count=4))

        assert [row.n for row in column.rows] == [100, 100]

    def test_each_image_counts_once_however_many_share_its_fold(self) -> None:
        """69 of 90 are right in one part, in folds of 1, 9, 30 and 50; tested twice, with its mean."""
        sums = Sums(numbers={str(i): i for i in range(130)})
        rows = [np.arange(1), np.arange(1, 10), np.arange(10, 40), np.arange(40, 90)]
        for replicate, part in enumerate(rows * 2):
            images = np.concatenate([part, np.arange(90 + 10 * (replicate % 4), 100 + 10 * (replicate % 4))])
            sums.images[replicate] = images
            right = (images < 8) | (images >= 29)  # 69 of the first 90
            sums.scores["baseline", replicate] = right.astype(float)
            sums.scores["BN", replicate] = (right & ((images >= 90) | (replicate < 4))).astype(float)
        camera = {name: "A" if i < 90 else "B" for name, i in sums.numbers.items()}
        (column,), _ = cut_columns(sums, {"camera": camera}, Folds(count=4))
        one, other = column.rows

        assert (one.n, other.n, column.whole.n) == (90, 40, 130)
        assert one.levels["baseline"].mean == pytest.approx(100 * 69 / 90)
        assert one.levels["BN"].mean == pytest.approx(50 * 69 / 90)
        assert column.whole.levels["baseline"].mean == pytest.approx(100 * 109 / 130)
        assert other.levels["BN"].mean == 100
        assert all(level.lo < level.mean < level.hi for level in one.levels.values())


class TestColumns:
    """Tables about images."""

    def test_the_column_that_holds_the_ids_is_found(self, tmp_path: Path) -> None:
        """Rows about other images are passed over."""
        table = tmp_path / "about.csv"
        table.write_text("camera;file\nA;a.png\nB;b.png\nA;train.png\n")

        assert columns_about(read_sheet(table), ["a.png", "b.png"]) == {"camera": {"a.png": "A", "b.png": "B"}}

    def test_a_table_of_other_images_is_refused(self, tmp_path: Path) -> None:
        """The message shows an id."""
        table = tmp_path / "about.csv"
        table.write_text("file,camera\nx.png,A\n")

        with pytest.raises(StudyError, match=r"no column holds ids of the test images, such as a\.png"):
            columns_about(read_sheet(table), ["a.png"])

    def test_two_rows_of_an_image_that_differ_are_refused(self, tmp_path: Path) -> None:
        """With both lines."""
        table = tmp_path / "about.csv"
        table.write_text("file,camera\na.png,A\na.png,B\n")

        with pytest.raises(StudyError, match=r"about\.csv:3: a\.png appears twice, first in line 2"):
            columns_about(read_sheet(table), ["a.png"])

    def test_paths_of_a_source_become_ids(self, tmp_path: Path) -> None:
        """As the source itself names its images: below the root, with the suffix."""
        table = tmp_path / "list.csv"
        table.write_text("path,label,sex\n./x/a,0,f\n/data/x/b.png,1,m\nx\\c.png,1,m\n")
        found = columns_by_path(
            read_sheet(table), "path", ["x/a.png", "x/b.png", "x/c.png"], root="/data", suffix=".png", without=["label"]
        )

        assert found == {"sex": {"x/a.png": "f", "x/b.png": "m", "x/c.png": "m"}}

    def test_a_study_of_a_table_brings_its_columns(self, tmp_path: Path) -> None:
        """All but path, label and part; those of a table that is given come before them; a lost one says nothing."""
        source = {"name": "csv", "file": str(tmp_path / "list.csv"), "split": {"column": "part"}, "group": "patient"}
        (tmp_path / "list.csv").write_text("path,label,part,patient,sex\na.png,0,test,p1,f\nb.png,0,test,p2,m\n")
        (tmp_path / "more.csv").write_text("id,sex\na.png,female\n")
        config = {"data": {"source": source}}

        assert image_columns(config, None)(["a.png"]) == {"patient": {"a.png": "p1"}, "sex": {"a.png": "f"}}
        assert image_columns(config, tmp_path / "more.csv")(["a.png"])["sex"] == {"a.png": "female"}
        (tmp_path / "list.csv").unlink()
        assert image_columns(config, None)(["a.png"]) == {}
