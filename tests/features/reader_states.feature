Feature: Lists that differ by what a reader has done so far
  New readers get what the editors picked, hooked ones what is popular, paying ones the list of a placement of their own.

  Background:
    Given a service where "home" differs by state

  Scenario: A reader goes through the states
    When "u1" asks at "home"
    Then the list is named by "editor"
    When "u1" reads episode 4 of "t5"
    And "u1" asks at "home"
    Then the list is named by "popular"
    When "u1" pays 3 coins for "t5" twice
    And "u1" asks at "home"
    Then the list is of "home_payers"
    And the service counts 1 reader as "paying"

  Scenario: A decision asked again comes out the same when the reader has moved on
    Given "u1" reads episode 4 of "t5"
    And "u1" asked at "home"
    When "u1" pays 3 coins for "t5" twice
    Then the decision asked again is the same

  Scenario: A click on a list that was passed on counts for the arms that made it
    Given "u1" pays 3 coins for "t5" twice
    And "u1" asked at "home"
    When "u1" clicks the first title
    Then the arm of that title has 1 success at "home_payers" and 0 at "home"
