"""Reference tokens of Hugging Face's BertWordPieceTokenizer for the WordPiece tokenizer.

Usage: pip install tokenizers==0.23.3 && python make_word_piece_vectors.py OUTPUT.json
"""

import json
import sys
import tempfile
from pathlib import Path

import tokenizers
from tokenizers import BertWordPieceTokenizer

VOCABULARY = """[PAD] [UNK] [CLS] [SEP] [MASK] want ##want ##ed wa un runn ##ing , . ! ? ' - $ a b c d e h i l m n o r s t u w
##a ##b ##c ##d ##e ##h ##i ##l ##m ##n ##o ##r ##s ##t ##u ##w the The cat hello HeLLo how are you yoU Are 博 推 ##推 resume ñ
ca ##fe ##fé café naive naïve ( ) ## # ##1 ##2 1 2 ß ı i̇ ### あ ##い 한 ᄒ ᅡ ᆫ ##ᅡ ##ᆫ … — “ ” ^ ` ~ + < | =""".split()

TEXTS = [
    "UNwant\u00e9d,running",
    "unwanted running",
    "unwantedX running",
    " \tHeLLo!how  \n Are yoU?  ",
    "H\u00e9llo",
    "ah\u535a\u63a8zz",
    "The cat, the CAT; the c\u00e2t.",
    "caf\u00e9 cafe\u0301 na\u00efve \u00f1 n\u0303",
    "a\u0000b\ufffdc\u200bd\u00a0e\u2028h\u3000i",
    "$1+2=2^1 `a` ~b <c> |d| #e ##1",
    "\u201cyou\u2014how\u2026\u201d (are)",
    "can't - won't",
    "h" * 100 + " " + "h" * 101,
    "the [MASK] cat [SEP] [mask] [UNK] [CLS][PAD]",
    "\u0130 \u0131 \u00df \u3042\u3044 \ud55c",
    "\U00020000a \U0001F600 b",
    "",
    "   ",
]


def main(output):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vocab.txt"
        path.write_text("".join(f"{token}\n" for token in VOCABULARY), encoding="utf-8")
        cases = []
        for lower in [True, False]:
            tokenizer = BertWordPieceTokenizer(str(path), lowercase=lower)
            for text in TEXTS:
                encoded = tokenizer.encode(text, add_special_tokens=False)
                cases.append({"lowerCase": lower, "text": text, "tokens": encoded.tokens, "ids": encoded.ids})
    record = {"tokenizers": tokenizers.__version__, "vocabulary": VOCABULARY, "cases": cases}
    Path(output).write_text(json.dumps(record, ensure_ascii=True, separators=(",", ":")) + "\n")


main(sys.argv[1])
