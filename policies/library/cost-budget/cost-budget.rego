# METADATA
# title: what a pod costs in an hour is within the budget
# description: >-
#   An estimate by list prices of what the pod costs for each hour that it runs, on each profile within reach whose prices are
#   known, and for a workload with replicas of what all of them cost together. It is no bill: discounts, traffic and storage are
#   not in it.
# related_resources:
# - https://www.finops.org/framework/capabilities/forecasting/
# custom:
#   help: ask for less, or have the budget raised
#   sets: [finops]
#   match:
#     kinds: [Pod]
#   action: warn
#   onError: warn
#   parameters:
#     # The most that a pod may cost in an hour.
#     maxPerHour: 1
#     # The most that all replicas of a workload may cost in an hour.
#     maxPerHourOfWorkload: 20
#     currency: USD
#     # Whether a virtual node must have a price.
#     priceRequired: false
package loadline.cost_budget

import rego.v1

import data.lib.loadline.pods

deny contains {"msg": msg} if {
	some profile, price in prices
	price.currency == input.parameters.currency
	price.hourly > input.parameters.maxPerHour
	msg := sprintf("the pod costs about %v %s an hour on `%s`; at most %v are wanted", [
		rounded(price.hourly),
		price.currency,
		profile,
		input.parameters.maxPerHour,
	])
}

deny contains {"msg": msg} if {
	some profile, price in prices
	price.currency == input.parameters.currency
	replicas > 1
	together := price.hourly * replicas
	together > input.parameters.maxPerHourOfWorkload
	msg := sprintf("%v pods cost about %v %s an hour on `%s`; at most %v are wanted", [
		replicas,
		rounded(together),
		price.currency,
		profile,
		input.parameters.maxPerHourOfWorkload,
	])
}

# What cannot be compared is not taken for cheap.
deny contains {"msg": msg} if {
	some profile, price in prices
	price.currency != input.parameters.currency
	msg := sprintf("the prices of `%s` are in %s, and the budget is in %s", [profile, price.currency, input.parameters.currency])
}

deny contains {"msg": msg} if {
	input.parameters.priceRequired
	some profile in input.placement.profiles
	not prices[profile]
	msg := sprintf("it is not known what a pod costs on `%s`", [profile])
}

# What an hour costs, by profile, where it is known.
prices[profile] := {"hourly": hourly, "currency": pods.or_else(cost, "currency", "an unknown currency")} if {
	some profile, cost in costs
	hourly := amount(cost.perHour)
}

amount(value) := value if is_number(value)

amount(value) := to_number(value) if is_string(value)

rounded(amount) := round(amount * 10000) / 10000

replicas := number if {
	number := input.review.object.spec.replicas
	is_number(number)
} else := number if {
	number := input.review.object.spec.parallelism
	is_number(number)
} else := 1

# There is no estimate where no profile has sizes or prices.
costs := input.cost if is_object(input.cost)
