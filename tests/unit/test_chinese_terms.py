"""One Chinese word for each term of the glossary, in the report, on the terminal, in README and in the pages."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("ablate/report/languages/zh.toml", "ablate/cli/languages/zh", "README.zh-CN.md", "docs/zh")
KEPT = "按方法 {n} 判定。"
"""The line by which reports that were written earlier are known."""


class Term(NamedTuple):
    """A term as the glossary has it, its word, and words that textbooks also use and these texts do not."""

    english: str
    chinese: str
    others: tuple[str, ...] = ()


TERMS = (
    Term("Study", "研究", ("消融研究",)),
    Term("Change", "改动", ("变更",)),
    Term("Variant", "变体", ("变种", "变型")),
    Term("Design", "设计"),
    Term("Comparison", "比较", ("对比项",)),
    Term("Reference", "参照", ("基准", "参考变体")),
    Term("Replicate", "重复", ("复本", "重复实验")),
    Term("Fold", "折", ("折叠",)),
    Term("Group", "组", ("群组",)),
    Term("Run", "运行", ("跑次",)),
    Term("attempt", "尝试"),
    Term("Journal", "日志", ("流水账",)),
    Term("Difference", "差别"),
    Term("95 % interval", "区间", ("信赖区间", "置信带")),
    Term("No worse", "不劣", ("非劣效",)),
    Term("Verdict", "结论", ("判定", "裁定")),
    Term("Planned look", "检视", ("中期查看",)),
    Term("Trial", "试验", ("试次",)),
    Term("Sealed part", "封存", ("密封部分",)),
)
WORDS = (
    Term("ablation study", "消融实验", ("消融试验", "消融分析")),
    Term("image", "图像", ("图片",)),
    Term("trainer", "训练程序", ("训练器",)),
    Term("random seed", "随机种子", ("随机数种子", "乱数")),
    Term("baseline", "基线", ("基准线",)),
    Term("batch norm", "批归一化", ("批标准化", "批量归一化")),
    Term("batch size", "批大小", ("批次大小", "批量大小")),
    Term("checkpoint", "检查点", ("断点文件", "存档点")),
    Term("weights", "权重", ("权值",)),
    Term("threshold", "阈值", ("门限", "阀值")),
    Term("augmentation", "数据增强", ("数据增广", "数据扩增")),
    Term("validation images", "验证", ("校验集",)),
    Term("accuracy", "准确率", ("正确率", "准确度")),
    Term("standard deviation", "标准差", ("标准偏差",)),
)
"""Of the field, beside the glossary's."""


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Every Chinese text, by its file."""
    places = [ROOT / room for room in ROOMS]
    files = [file for place in places for file in ([place] if place.is_file() else sorted(place.iterdir()))]
    return {file.name: file.read_text(encoding="utf-8").replace(KEPT, "") for file in files}


@pytest.mark.parametrize("term", [*TERMS, *WORDS], ids=lambda term: term.english)
def test_a_term_has_one_chinese_word(term: Term, texts: dict[str, str]) -> None:
    """It is used, and none of its rivals is."""
    rivals = [(name, other) for name, text in texts.items() for other in term.others if other in text]

    assert rivals == []
    assert any(term.chinese in text for text in texts.values())


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.english)
def test_the_table_has_terms_of_the_glossary(term: Term) -> None:
    """One that was renamed there is renamed here."""
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")

    assert f"**{term.english}" in glossary
