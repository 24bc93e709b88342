// What passes report: counts in order, values followed through all replacements.

#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "passes/changes.h"

namespace {

using pot::Changes;
using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST(rules_are_listed_as_they_first_occurred) {
  Changes changes;
  changes.count("second", 0);
  changes.count("first", 2);
  changes.count("second");
  changes.count("first", 3);
  CHECK_EQ(changes.rules().size(), 2U);
  CHECK_EQ(changes.rules()[0].name, "first");
  CHECK_EQ(changes.rules()[0].count, 5U);
  CHECK_EQ(changes.rules()[1].name, "second");
  CHECK_EQ(changes.rules()[1].count, 1U);
}

TEST(a_value_is_followed_to_what_stands_for_it_in_the_end) {
  Changes changes;
  changes.replaced("a", "b");
  changes.replaced("b", "c");
  changes.replaced("d", "d");
  CHECK_EQ(changes.stands_for("a"), "c");
  CHECK_EQ(changes.stands_for("x"), "x");
  CHECK(changes.value_map() == Pairs{{"a", "c"}, {"b", "c"}});
}

TEST(names_that_were_swapped_are_no_endless_walk) {
  Changes changes;
  changes.replaced("a", "b");
  changes.replaced("b", "a");
  CHECK(!changes.stands_for("a").empty());
}

TEST(what_is_left_is_said_once_and_only_as_of_now) {
  Changes changes;
  changes.leave("node 'n' (Loop)", "its turns are not known");
  changes.leave("node 'n' (Loop)", "its turns are not known");
  CHECK_EQ(changes.left().size(), 1U);
  changes.forget_left();
  CHECK(changes.left().empty());
}

}  // namespace
