def test_login_gives_a_pair_that_opens_the_own_account(people):
    account = people.register(name="Ada")

    answer = people.me(account)

    assert answer.status_code == 200
    assert answer.get_json()["data"]["name"] == "Ada"
