import pytest

from chassis.exceptions import PreconditionFailed
from user_service.models.users import Role, User, UserStatus


@pytest.fixture
def user():
    return User(
        name="Ada",
        phone=None,
        role=Role.CUSTOMER.value,
        status=UserStatus.ACTIVE.value,
        deactivated_at=None,
        version=1,
    )


def test_an_edit_changes_what_differs_and_counts_the_version(user):
    assert user.edit({"name": "Ada Lovelace", "phone": "+442079460018"})

    assert (user.name, user.phone, user.version) == ("Ada Lovelace", "+442079460018", 2)


def test_an_edit_to_the_same_values_changes_nothing(user):
    assert not user.edit({"name": "Ada", "phone": None})

    assert user.version == 1


def test_a_role_change_counts_the_version_once(user):
    assert user.change_role(Role.STAFF)
    assert not user.change_role(Role.STAFF)

    assert (user.role, user.version) == ("staff", 2)


def test_deactivating_twice_keeps_the_first_moment(user, clock):
    assert user.deactivate()
    moment = user.deactivated_at
    clock.move(60)
    assert not user.deactivate()

    assert (user.status, user.deactivated_at, user.version) == ("deactivated", moment, 2)
    assert not user.active


def test_activating_undoes_deactivating(user):
    user.deactivate()

    assert user.activate()
    assert not user.activate()
    assert (user.status, user.deactivated_at, user.version) == ("active", None, 3)


def test_a_deactivated_administrator_does_not_administer(user):
    user.change_role(Role.ADMIN)
    assert user.active_admin

    user.deactivate()

    assert not user.active_admin


def test_another_version_is_refused(user):
    user.require_version(1)
    with pytest.raises(PreconditionFailed):
        user.require_version(2)
