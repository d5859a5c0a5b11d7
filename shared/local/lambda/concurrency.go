package lambda

import "sync"

// accountConcurrency is how many invocations of an account may run at once, as AWS begins with:
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const accountConcurrency = 1000

// concurrency counts the invocations that run. A function with reserved concurrency has that much and no more; the others
// share what the account has besides.
type concurrency struct {
	mu     sync.Mutex
	shared int // running of functions without a reservation
	own    map[string]int
}

// take begins an invocation, or says why it may not begin. reserved is what all functions have reserved.
func (c *concurrency) take(f Function, reserved int) (release func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.Reserved == nil {
		if c.shared >= accountConcurrency-reserved {
			return nil, throttled("ConcurrentInvocationLimitExceeded")
		}
		c.shared++
		return func() { c.add(&c.shared) }, nil
	}
	if c.own[f.Name] >= *f.Reserved {
		return nil, throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
	}
	if c.own == nil {
		c.own = map[string]int{}
	}
	c.own[f.Name]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.own[f.Name]--
	}, nil
}

func (c *concurrency) add(n *int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*n--
}
