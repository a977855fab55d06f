Feature: Variants of a list are compared on readers who are drawn once and kept
  All of it on an engine whose "home" shows the editors' order, and whose experiment "bold" turns it around for half of its readers.

  Background:
    Given a shop with the experiment "bold" on half of its readers

  Scenario: Nothing is served before somebody starts it
    When 200 readers ask at "home"
    Then nobody met a variant

  Scenario: Readers meet the variant that their id draws, again and again
    Given "bold" was started
    When 200 readers ask at "home"
    Then between 70 and 130 of them met a variant
    And each of them meets the same one again

  Scenario: A ramp adds readers and moves nobody
    Given "bold" was started
    And 200 readers asked at "home"
    When "bold" is ramped to 1.0
    And the same readers ask again
    Then all of them met a variant
    And nobody changed between variants

  Scenario: A ramp that would move readers back is refused
    Given "bold" was started
    When somebody tries to ramp "bold" to 0.1
    Then it is refused, and the message names "$.share" and "ramp_down"

  Scenario: Who met a variant keeps it when the ramp goes down, also after a restart
    Given "bold" was started
    And 200 readers asked at "home"
    When "bold" is ramped down to 0.01
    And the shop is closed and opened
    And the same readers ask again
    Then they all meet what they met before

  Scenario: A stopped experiment serves nobody, and a start brings the same variants back
    Given "bold" was started
    And 200 readers asked at "home"
    When "bold" is stopped
    And the same readers ask again
    Then nobody met a variant
    When "bold" is started
    And the same readers ask again
    Then they all meet what they met before

  Scenario: A conclusion is the end
    Given "bold" was started
    When "bold" is concluded with "treatment"
    And 200 readers ask at "home"
    Then nobody met a variant
    And "bold" cannot be started
