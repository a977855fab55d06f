Feature: A reader asks, chooses, and the next list is better
  All of it over HTTP, against a service on disk.

  Background:
    Given a service with 12 titles

  Scenario: Clicks make a title rise
    When 300 readers in turn get a list of 3 and click "t7" whenever it is shown
    Then "t7" is first in at least 90 of the next 100 lists
    And "t7" has a higher mean than every other arm

  Scenario: A reader asks and clicks
    When "u42" asks for 5 titles at "home"
    Then the list has 5 different titles
    When "u42" clicks the first title of the list
    Then the arm of that title has 1 success

  Scenario: A click that is sent twice counts once
    Given "u42" asked for 5 titles at "home"
    When "u42" clicks the first title of the list
    And the same click is sent again
    Then the second answer says 1 duplicate
    And the arm of that title has 1 success

  Scenario: A click long after the impression
    Given "u42" asked for 5 titles at "home"
    And "u42" saw the first title of the list
    When "u42" clicks the first title of the list 2 hours later
    Then the click is accepted
    And the service counts 1 late click
    And the arm of that title has 0 successes

  Scenario: A bad record in a batch
    When a batch arrives with 3 good clicks and a click on a title that nobody knows
    Then 3 records are accepted
    And the refusal names "$.events[1].item"
    And the service has counted 3 clicks

  Scenario: A list can be asked for again
    Given "u42" asked for 5 titles at "home"
    And 50 clicks by other readers
    When the decision is asked for again
    Then it is the same list with the same scores

  Scenario: Stopping and starting keeps everything
    Given "u42" asked for 5 titles at "home"
    And 50 clicks by other readers
    When the service stops and starts
    Then the counters, the titles and the arms are as they were
    When the decision is asked for again
    Then it is the same list with the same scores
    And the same clicks sent again are all duplicates
