import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.addresses import without_users


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:secret@registry:8081/schemas: 404", "https://registry:8081/schemas: 404"),
        ("(it is 'redis://:secret@h:6379/0')", "(it is 'redis://h:6379/0')"),
        (
            "a postgresql+psycopg2://u:p%40@h/db and http://token@h",
            "a postgresql+psycopg2://h/db and http://h",
        ),
        ("http://u:a@b@h/x", "http://h/x"),
        ("s3://embargo@bucket/key", "s3://embargo@bucket/key"),
        ("s3://key:secret@bucket/key", "s3://bucket/key"),
        ("redis://h/0?password=secret&db=1", "redis://h/0?password=...&db=1"),
        ("broker (it is 'me:se:cret@h:9092,you:x@h2:9092')", "broker (it is 'h:9092,h2:9092')"),
        ("http://h/a@b", "http://h/a@b"),
        ("mail me@here", "mail me@here"),
    ],
)
def test_users_are_left_out_of_addresses(text: str, shown: str) -> None:
    assert without_users(text) == shown


_PASSWORDS = st.text(
    st.characters(exclude_characters="/?#\"'<>", exclude_categories=["Zs", "Cc", "Zl", "Zp"]), min_size=3
)


@given(_PASSWORDS)
def test_no_password_stays(password: str) -> None:
    assert password not in without_users(f"cannot reach http://u:{password}@:1/").replace("http://:1/", "")
