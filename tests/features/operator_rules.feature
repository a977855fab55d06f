Feature: Operators say what a list holds, and the list says who said so
  All of it over HTTP, against a running service with a clock that the scenario sets.

  Background:
    Given a service whose editors ranked 12 titles

  Scenario: A title is pinned for its launch week
    When an operator pins "t9" to slot 1 until 7 days from now
    And a reader asks for 5 titles
    Then "t9" stands in slot 1, by the operator's rule
    And no other slot names a rule
    And the titles around it are the policy's, in its order

  Scenario: A title is blocked
    When an operator blocks "t0" until 7 days from now
    And a reader asks for 12 titles
    Then "t0" is not in the list
    And the list has 11 different titles

  Scenario: What is blocked is not pinned either
    When an operator pins "t9" to slot 1 until 7 days from now
    And an operator blocks "t9" until 7 days from now
    And a reader asks for 12 titles
    Then "t9" is not in the list

  Scenario: After the end the list is the policy's own again
    Given a reader asked for 5 titles
    When an operator pins "t9" to slot 1 until 7 days from now
    And 7 days pass
    And a reader asks for 5 titles
    Then it is the same list as at first
    And no slot names a rule
    And the service says that the rule does not act

  Scenario: A rule is taken back
    Given a reader asked for 5 titles
    When an operator pins "t9" to slot 1 until 7 days from now
    And the rule is deleted
    And a reader asks for 5 titles
    Then it is the same list as at first

  Scenario Outline: A rule without an owner, a reason or an end is refused
    When an operator pins "t9" without "<field>"
    Then the rule is refused, and the message names "$.<field>"
    And there are no rules

    Examples:
      | field   |
      | owner   |
      | reason  |
      | ends_at |

  Scenario: A rule whose reason is blank is refused
    When an operator pins "t9" with "reason" blank
    Then the rule is refused, and the message names "$.reason"
    And there are no rules

  Scenario: A campaign is put as a whole or not at all
    When an operator sends a pin of "t9" and a pin of a title that nobody knows
    Then the rule is refused, and the message names "$.rules[1]"
    And there are no rules

  Scenario: A decision under a rule can be asked again
    When an operator pins "t9" to slot 1 until 7 days from now
    And a reader asks for 5 titles
    And the rule is deleted
    And 30 days pass
    And the decision is asked for again
    Then the answer is the same list, with the rule in its slot
