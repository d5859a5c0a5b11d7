package destination

import (
	"net/url"
	"sync"
	"time"

	"opsflow/shared/local/constraint"
)

// DefaultRate is how many calls a second an endpoint gets where nothing else is said.
const DefaultRate = 300

// Destination is an endpoint.
type Destination struct {
	Name          string
	ARN           string
	Description   string `json:",omitempty"`
	ConnectionARN string
	Endpoint      string // a URL; each * in its path stands for a path parameter
	Method        string
	Rate          int // calls a second
	Created       time.Time
	Modified      time.Time
}

// Check gives what is wrong with a destination; "" when nothing is. private allows plain HTTP.
func (d *Destination) Check(private bool) string {
	var f constraint.Faults
	f.Name("name", d.Name, 64)
	f.Length("description", d.Description, 0, 512)
	f.Required("connectionArn", d.ConnectionARN)
	f.Required("invocationEndpoint", d.Endpoint)
	f.Length("invocationEndpoint", d.Endpoint, 0, 2048)
	f.Enum("httpMethod", d.Method, "POST", "GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE")
	if d.Rate < 1 {
		f.Range("invocationRateLimitPerSecond", d.Rate, 1, 1<<30)
	}
	if text := f.Text(); text != "" {
		return text
	}
	u, err := url.Parse(d.Endpoint)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && (u.Scheme != "http" || !private) {
		return "Parameter InvocationEndpoint is not valid. Reason: it must be a URL that begins with https://."
	}
	return ""
}

// Pace spreads the calls of each destination over the seconds, so many in each. The zero value is ready.
type Pace struct {
	mu sync.Mutex
	m  map[string]*second // by ARN
}

// second is when a second of calls begins, and how many calls have their time from then on.
type second struct {
	begin time.Time
	used  int
}

// Next gives the time of the next call of a destination: now, unless this second and perhaps some after it are full.
func (p *Pace) Next(arn string, rate int, now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.m == nil {
		p.m = map[string]*second{}
	}
	s := p.m[arn]
	if s == nil {
		s = &second{begin: now}
		p.m[arn] = s
	}
	if over := int(now.Sub(s.begin) / time.Second); over > 0 {
		s.begin = s.begin.Add(time.Duration(over) * time.Second)
		if s.used = max(0, s.used-over*rate); s.used == 0 {
			s.begin = now
		}
	}
	wait := s.used / rate
	s.used++
	if wait == 0 {
		return now
	}
	return s.begin.Add(time.Duration(wait) * time.Second)
}
