package meter

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"time"
)

// Prices are what AWS asks on demand, beyond what is free. A transition is a state transition of a standard workflow,
// Lambda's duration is that of arm64.
type Prices struct {
	AsOf       string  `json:"as_of"`
	Region     string  `json:"region"`
	Currency   string  `json:"currency"`
	WriteUnit  float64 `json:"dynamodb_write_unit"`
	ReadUnit   float64 `json:"dynamodb_read_unit"`
	Transition float64 `json:"states_transition"`
	Request    float64 `json:"lambda_request"`
	GBSecond   float64 `json:"lambda_gb_second"`
	Event      float64 `json:"events_custom_event"`
}

//go:embed prices.json
var priceList []byte

// List is the price list that comes with the program.
func List() (Prices, error) {
	var p Prices
	if err := json.Unmarshal(priceList, &p); err != nil {
		return p, fmt.Errorf("read the price list: %w", err)
	}
	return p, nil
}

// What no local run can count is assumed: how long a function waits for one answer of DynamoDB, EventBridge or Step
// Functions, how long it computes, and its memory, as template.yaml has it.
const (
	AssumedRequest = 5 * time.Millisecond
	AssumedCompute = 3 * time.Millisecond
	AssumedGB      = 0.5
)

// Assumed says what is assumed, for people.
func Assumed() string {
	return fmt.Sprintf("%s for an answer of AWS, %s to compute an invocation, %g GB", AssumedRequest, AssumedCompute, AssumedGB)
}

// Cost is what a use costs, in the currency of the prices.
type Cost struct {
	DynamoDB      float64 `json:"dynamodb"`
	StepFunctions float64 `json:"step_functions"`
	Lambda        float64 `json:"lambda"`
	EventBridge   float64 `json:"eventbridge"`
	Total         float64 `json:"total"`
	// Starts is the part of StepFunctions that is for the starts of executions: AWS's price list can be read either way.
	Starts float64 `json:"of_which_starts"`
}

// Of prices a use. Transitions are the states entered, and one for each start: the careful reading.
func (p Prices) Of(u Use) Cost {
	asked := u.Gets + u.BatchGets + u.Queries + u.Writes + u.Transactions + u.Executions + u.Events
	seconds := asked*AssumedRequest.Seconds() + u.Invocations*AssumedCompute.Seconds()
	c := Cost{
		DynamoDB:      u.ReadUnits*p.ReadUnit + u.WriteUnits*p.WriteUnit,
		StepFunctions: (u.Transitions + u.Executions) * p.Transition,
		Lambda:        u.Invocations*p.Request + seconds*AssumedGB*p.GBSecond,
		EventBridge:   u.Events * p.Event,
		Starts:        u.Executions * p.Transition,
	}
	c.Total = c.DynamoDB + c.StepFunctions + c.Lambda + c.EventBridge
	return c
}
