Feature: What an experiment has shown is read from the log
  A shop whose experiment "bold" shows the titles that readers like first to half of them. Readers click what they like where
  it stands first, and some pay.

  Scenario: A planted effect is found,
    Given 600 readers who met their variant and clicked what they like
    When the experiment is evaluated
    Then "ctr" is higher in the treatment by its confidence sequence
    And no mismatch is told
    And the guardrail "paid_conversion" does not stop it

  Scenario: A restart changes nothing
    Given 600 readers who met their variant and clicked what they like
    When the experiment is evaluated
    And the shop is closed and opened
    Then the experiment evaluated again says the same

  Scenario: What is reported twice counts once, and what comes late counts when it happened
    Given 600 readers who met their variant and clicked what they like
    When the experiment is evaluated
    And all of their clicks are sent again
    And a click from before the experiment arrives
    Then the experiment evaluated again says the same

  Scenario: A refund takes a purchase back
    Given 600 readers who met their variant and clicked what they like
    When every purchase is refunded
    And the experiment is evaluated
    Then "revenue" is 0 in both variants
