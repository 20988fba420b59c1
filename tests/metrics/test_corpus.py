"""Suffix order, verbatim matches and frequencies, against brute force and by hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from words import WORDS, save_word_tokenizer

from bench.core.errors import InputError
from bench.metrics.corpus import Corpus, Tokenizer, corpus_of, suffix_array, tokenizer_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_word_tokenizer(tmp_path_factory.mktemp("words"))


def test_ids_have_no_special_token_and_no_limit(folder: Path) -> None:
    corpus = Corpus("the cat sat on the mat zebra", Tokenizer(folder))
    expected = [WORDS.index(word) for word in "the cat sat on the mat [UNK]".split()]
    assert corpus.ids.tolist() == expected
    assert corpus.encode("zebra the") == [0, WORDS.index("the")]
    assert corpus.encode("") == []


def test_identities_follow_the_text_and_the_tokenizer_alone(folder: Path, tmp_path: Path) -> None:
    beside = Path(shutil.copytree(folder, tmp_path / "beside"))
    (beside / "model.safetensors").write_bytes(b"other weights")
    (beside / "config.json").write_text("{}")
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    changed = json.loads((other / "tokenizer.json").read_text())
    changed["model"]["vocab"]["zebra"] = len(WORDS)
    (other / "tokenizer.json").write_text(json.dumps(changed))

    corpora = [corpus_of("a b", place) for place in (folder, beside, other)]
    assert corpora[0].tokenizer_identity == corpora[1].tokenizer_identity != corpora[2].tokenizer_identity
    assert {corpus.identity for corpus in corpora} == {corpora[0].identity}
    assert corpora[0].identity != corpus_of("a  b", folder).identity
    assert {len(corpora[0].identity), len(corpora[0].tokenizer_identity)} == {16}


def test_one_text_and_folder_is_one_corpus(folder: Path) -> None:
    assert corpus_of("a b c", folder) is corpus_of("a b c", folder)
    assert corpus_of("a b c", folder).tokenizer is corpus_of("a", folder).tokenizer is tokenizer_of(folder)


def test_most_common_prefers_the_lower_id_of_equals(folder: Path) -> None:
    corpus = Corpus("c b c a a d", Tokenizer(folder))  # twice a and c, once b and d
    names = [{WORDS[token] for token in corpus.most_common(n)} for n in range(1, 5)]
    assert names == [{"a"}, {"a", "c"}, {"a", "c", "b"}, {"a", "c", "b", "d"}]
    assert corpus.most_common(100) == corpus.most_common(4)


def test_match_lengths_by_hand(folder: Path) -> None:
    corpus = Corpus("the cat sat on the mat", Tokenizer(folder))
    found = corpus.match_lengths(corpus.encode("cat sat on a the mat the cat"))
    assert found.tolist() == [3, 2, 1, 0, 2, 1, 2, 1]
    assert corpus.match_lengths([]).tolist() == []


few_tokens = st.lists(st.integers(0, 2), min_size=1, max_size=60)


@given(few_tokens)
def test_suffixes_stand_in_order(ids: list[int]) -> None:
    assert suffix_array(np.array(ids)).tolist() == sorted(range(len(ids)), key=lambda start: ids[start:])


@given(
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=60),
    st.lists(st.sampled_from(["a", "b", "c", "zebra"]), max_size=30),
)
def test_match_lengths_equal_brute_force(folder: Path, corpus_words: list[str], words: list[str]) -> None:
    corpus = Corpus(" ".join(corpus_words), tokenizer_of(folder))
    ids, there = corpus.encode(" ".join(words)), corpus.ids.tolist()

    def occurs(part: list[int]) -> bool:
        return any(there[i : i + len(part)] == part for i in range(len(there)))

    expected = [
        max(n for n in range(len(ids) - start + 1) if occurs(ids[start : start + n])) for start in range(len(ids))
    ]
    assert corpus.match_lengths(ids).tolist() == expected


def test_token_ids_of_several_bytes_are_ordered_as_numbers(folder: Path) -> None:
    corpus = Corpus("a", Tokenizer(folder))
    corpus.ids = np.array([256, 1, 255, 65536, 256, 2, 50256])  # little-endian bytes would order these otherwise
    assert corpus.match_lengths([255, 65536, 256, 1, 255, 50256, 3]).tolist() == [3, 2, 3, 2, 1, 1, 0]


def test_a_corpus_copied_whole_is_one_match(folder: Path) -> None:
    corpus = Corpus("a b " * 300, Tokenizer(folder))
    assert corpus.match_lengths(corpus.ids.tolist()).tolist() == list(range(600, 0, -1))


def test_mistakes_are_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no tokenizer, neither tokenizer\.json nor any of"):
        corpus_of("a", tmp_path)
    with pytest.raises(InputError, match="the corpus holds no tokens; give the training text"):
        _ = Corpus(" \n", Tokenizer(folder)).ids
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(InputError, match="the tokenizer cannot be loaded"):
        Tokenizer(tmp_path).encode("a")
