package pattern_test

import (
	"strings"
	"testing"

	"opsflow/shared/local/events/pattern"
)

func TestOperators(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ pattern, yes, no string }{
		// Each of yes and no is a list of events, separated by "|".
		{`{"a": ["x", 1, true, null]}`, `{"a":"x"}|{"a":1}|{"a":1.0}|{"a":1e0}|{"a":true}|{"a":null}|{"a":["y","x"]}`, `{"a":"1"}|{"a":false}|{"a":"true"}|{"a":"null"}|{}|{"a":[]}|{"a":{}}`},
		{`{"a": [300]}`, `{"a":300.0}|{"a":3e2}|{"a":300.0000001}`, `{"a":"300"}|{"a":300.00001}`},
		{`{"a": [555555555555]}`, `{"a":555555555555}`, `{"a":555555555556}|{"a":5.55555555555e11}`},
		{`{"a": ["10.0.0.1"]}`, `{"a":"10.0.0.1"}`, `{"a":"10.0.0.10"}`},
		{`{"a": ["2001:db8::1"]}`, `{"a":"2001:0db8:0:0:0:0:0:1"}`, `{"a":"2001:db8::2"}`},
		{`{"a": [{"exact": "x"}]}`, `{"a":"x"}`, `{"a":"y"}`},
		{`{"a": [{"prefix": "ab"}]}`, `{"a":"abc"}|{"a":"ab"}`, `{"a":"a"}|{"a":"ABC"}|{"a":12}`},
		{`{"a": [{"prefix": ""}]}`, `{"a":""}|{"a":"x"}`, `{}`},
		{`{"a": [{"prefix": {"equals-ignore-case": "aB"}}]}`, `{"a":"ABc"}|{"a":"ab"}`, `{"a":"b"}|{"a":1}`},
		{`{"a": [{"suffix": ".png"}]}`, `{"a":"x.png"}`, `{"a":"x.PNG"}|{"a":1}`},
		{`{"a": [{"suffix": {"equals-ignore-case": ".png"}}]}`, `{"a":"x.PNG"}`, `{"a":"x.jpg"}`},
		{`{"a": [{"equals-ignore-case": "Straße"}]}`, `{"a":"STRAßE"}`, `{"a":"strasse"}|{"a":1}`},
		{`{"a": [{"wildcard": "*.co*/x"}]}`, `{"a":"a.com/y/x"}|{"a":".co/x"}`, `{"a":"a.com/xy"}|{"a":".co"}`},
		{`{"a": [{"wildcard": "a*a"}]}`, `{"a":"aa"}|{"a":"aba"}`, `{"a":"a"}|{"a":"ab"}`},
		{`{"a": [{"wildcard": "\\*\\\\*"}]}`, `{"a":"*\\x"}`, `{"a":"x\\x"}`},
		{`{"a": [{"cidr": "10.1.0.0/16"}]}`, `{"a":"10.1.0.0"}|{"a":"10.1.255.255"}`, `{"a":"10.2.0.0"}|{"a":"x"}|{"a":"::1"}|{"a":10}`},
		{`{"a": [{"cidr": "10.0.0.0/0"}]}`, `{"a":"10.0.0.0"}|{"a":"255.255.255.255"}`, `{"a":"ffff::1"}`},
		{`{"a": [{"cidr": "2001:db8::/33"}]}`, `{"a":"2001:db8:7fff::1"}`, `{"a":"2001:db8:8000::1"}`},
		{`{"a": [{"numeric": ["=", 3.5]}]}`, `{"a":3.5}|{"a":35e-1}`, `{"a":"3.5"}|{"a":3.6}`},
		{`{"a": [{"numeric": [">", 0, "<=", 5]}]}`, `{"a":0.000001}|{"a":5}`, `{"a":0}|{"a":5.000001}|{"a":null}`},
		{`{"a": [{"numeric": ["<", 10]}]}`, `{"a":-5e9}|{"a":9.9}`, `{"a":10}|{"a":-6e9}`},
		{`{"a": [{"numeric": [">=", 10]}]}`, `{"a":10}|{"a":5e9}`, `{"a":9.999999}`},
		{`{"a": [{"exists": true}]}`, `{"a":null}|{"a":""}|{"a":[1]}`, `{"a":{"b":1}}|{"b":1}|{"a":[]}`},
		{`{"a": [{"exists": false}]}`, `{"b":1}|{"a":{"b":1}}|{"a":[]}`, `{"a":null}|{"a":1}`},
		{`{"a": ["x", {"exists": false}]}`, `{"a":"x"}|{}`, `{"a":"y"}`},
		{`{"a": [{"anything-but": "x"}]}`, `{"a":"y"}|{"a":1}|{"a":null}|{"a":["x","y"]}`, `{"a":"x"}|{}|{"a":["x"]}`},
		{`{"a": [{"anything-but": 1}]}`, `{"a":2}|{"a":"1"}`, `{"a":1}|{"a":1.0}`},
		{`{"a": [{"anything-but": ["x","y"]}]}`, `{"a":"z"}`, `{"a":"y"}`},
		{`{"a": [{"anything-but": [1,2]}]}`, `{"a":3}`, `{"a":2.0}`},
		{`{"a": [{"anything-but": {"prefix": "x"}}]}`, `{"a":"y"}`, `{"a":"xy"}`},
		{`{"a": [{"anything-but": {"suffix": ["x", "y"]}}]}`, `{"a":"z"}`, `{"a":"zy"}`},
		{`{"a": [{"anything-but": {"equals-ignore-case": ["x", "Y"]}}]}`, `{"a":"z"}`, `{"a":"X"}|{"a":"y"}`},
		{`{"a": [{"anything-but": {"wildcard": "*/x/*"}}]}`, `{"a":"/y/"}`, `{"a":"a/x/b"}`},
		{`{"a": {"b": ["x"]}}`, `{"a":{"b":"x"}}|{"a.b":"x"}|{"a":[{"b":"y"},{"b":"x"}]}`, `{"a":"x"}|{"b":"x"}`},
		{`{"a.b": ["x"]}`, `{"a":{"b":"x"}}`, `{"a":{"b":"y"}}`},
		{`{"a": ["x"], "a": ["y"]}`, `{"a":"y"}|{"a":"x","a":"y"}`, `{"a":"x"}|{"a":"y","a":"x"}`},
		{`{"a": ["x"], "b": [1]}`, `{"a":"x","b":1}`, `{"a":"x"}|{"b":1}|{"a":"x","b":2}`},
		{`{"$or": [{"a": ["x"]}, {"b": ["y"]}]}`, `{"a":"x"}|{"b":"y"}`, `{"a":"y"}`},
		{`{"c": [1], "d": {"$or": [{"a": ["x"]}, {"b": ["y"], "$or": [{"e": [1]}, {"e": [2]}]}]}}`, `{"c":1,"d":{"a":"x"}}|{"c":1,"d":{"b":"y","e":2}}`, `{"d":{"a":"x"}}|{"c":1,"d":{"b":"y","e":3}}|{"c":1}`},
		// One object of an array must have both fields.
		{`{"l": {"x": [1], "y": [2]}}`, `{"l":[{"x":1,"y":2},{"x":3}]}|{"l":{"x":1,"y":2}}`, `{"l":[{"x":1,"y":3},{"x":3,"y":2}]}`},
		{`{"l": {"m": {"x": [1], "y": [2]}}}`, `{"l":[{"m":[{"x":0},{"x":1,"y":2}]}]}`, `{"l":[{"m":[{"x":1},{"y":2}]},{"m":[{"x":1}]}]}`},
		{`{"l": [1], "k": [2]}`, `{"l":[0,1],"k":[2,3]}`, `{"l":[0,1],"k":[1]}`},
	} {
		p, err := pattern.Compile([]byte(c.pattern))
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		for want, events := range map[bool]string{true: c.yes, false: c.no} {
			for event := range strings.SplitSeq(events, "|") {
				if got := p.Match([]byte(event)); got != want {
					t.Errorf("%s on %s: got %v, want %v", c.pattern, event, got, want)
				}
			}
		}
	}
}

func TestWhatIsNoObjectMatchesNothing(t *testing.T) {
	t.Parallel()
	p, err := pattern.Compile([]byte(`{"a": [{"exists": false}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{``, `[]`, `"x"`, `{`, `{} {}`, `null`} {
		if p.Match([]byte(event)) {
			t.Errorf("%q matches", event)
		}
	}
}

func TestRefusedPatterns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ pattern, want string }{
		{`[]`, "Filter is not an object"},
		{`"x"`, "Filter is not an object"},
		{``, "Invalid JSON"},
		{`{"a": [1]`, "Invalid JSON"},
		{`{"a": [1]} x`, "Invalid JSON"},
		{`{}`, "Empty objects are not allowed"},
		{`{"a": {}}`, "Empty objects are not allowed"},
		{`{"a": []}`, "Empty arrays are not allowed"},
		{`{"a": 1}`, `"a" must be an object or an array`},
		{`{"a": [[1]]}`, "Match value must be String, number, true, false, or null"},
		{`{"a": [{}]}`, "Match expression name not found"},
		{`{"a": [{"PREFIX": "x"}]}`, "Unrecognized match type PREFIX"},
		{`{"a": [{"prefix": "x", "suffix": "y"}]}`, "Only one key allowed in match expression"},
		{`{"a": [{"prefix": 1}]}`, "prefix match pattern must be a string"},
		{`{"a": [{"suffix": ["x"]}]}`, "suffix match pattern must be a string"},
		{`{"a": [{"prefix": {"wildcard": "x"}}]}`, "Unsupported prefix pattern: wildcard"},
		{`{"a": [{"exists": "true"}]}`, "exists match pattern must be either true or false."},
		{`{"a": [{"cidr": "10.0.0.0"}]}`, "Malformed CIDR, one '/' required"},
		{`{"a": [{"cidr": "10.0.0/8"}]}`, "Nonstandard IP address: 10.0.0"},
		{`{"a": [{"cidr": "10.0.0.0/x"}]}`, "Malformed CIDR, mask bits must be an integer"},
		{`{"a": [{"cidr": "10.0.0.0/-1"}]}`, "Malformed CIDR, mask bits must not be negative"},
		{`{"a": [{"cidr": "10.0.0.0/32"}]}`, "IPv4 mask bits must be < 32"},
		{`{"a": [{"wildcard": "a**b"}]}`, "Consecutive wildcard characters at pos 2"},
		{`{"a": [{"wildcard": "a\\b"}]}`, "Invalid escape character at pos 2"},
		{`{"a": [{"wildcard": "*:*:*:*:*:event-bus/*"}]}`, "Rule is too complex"},
		{`{"a": [{"numeric": []}]}`, "Invalid member in numeric match: ]"},
		{`{"a": [{"numeric": ["!", 1]}]}`, "Unrecognized numeric range operator: !"},
		{`{"a": [{"numeric": ["=", "1"]}]}`, "Value of equals must be numeric"},
		{`{"a": [{"numeric": ["<", 1, ">", 0]}]}`, "Too many elements in numeric expression"},
		{`{"a": [{"numeric": [">", 1, ">", 0]}]}`, "Bad numeric range operator: >"},
		{`{"a": [{"numeric": [">", 1, "<", 2, 3]}]}`, "Too many terms in numeric range expression"},
		{`{"a": [{"numeric": [">", 2, "<", 1]}]}`, "Bottom must be less than top"},
		{`{"a": [{"numeric": [">", 6e9]}]}`, "Value must be between -5.0E9 and 5.0E9, inclusive"},
		{`{"a": [{"anything-but": true}]}`, "Value of anything-but must be an array or single string/number value."},
		{`{"a": [{"anything-but": []}]}`, "Inside anything but list, either all values are number or string, mixed type is not supported"},
		{`{"a": [{"anything-but": ["x", 1]}]}`, "Inside anything but list, either all values are number or string, mixed type is not supported"},
		{`{"a": [{"anything-but": [null]}]}`, "Inside anything but list, start|null|boolean is not supported."},
		{`{"a": [{"anything-but": {"numeric": ["=", 1]}}]}`, "Unsupported anything-but pattern: numeric"},
		{`{"a": [{"anything-but": {"suffix": ""}}]}`, "Null prefix/suffix not allowed"},
		{`{"$or": {"a": [1]}}`, "It must be an Array followed with $or."},
		{`{"$or": [{"a": [1]}]}`, "There must have at least 2 Objects in $or relationship."},
		{`{"$or": [1, 2]}`, "Only JSON object is allowed in array of $or relationship."},
		{`{"$or": [{"prefix": ["x"]}, {"a": [1]}]}`, "prefix is Ruler reserved fieldName which cannot be used inside $or."},
		{`{"a":{` + strings.Repeat(`"$or":[{"a":[1]},{"b":[1]}],`, 10) + `"x":[1]}}`, "Rule is too complex"},
	} {
		_, err := pattern.Compile([]byte(c.pattern))
		if err == nil || !strings.HasPrefix(err.Error(), "Event pattern is not valid. Reason: "+c.want) {
			t.Errorf("%s: got %v, want %s", c.pattern, err, c.want)
		}
	}
}

func TestRefusalNamesThePlace(t *testing.T) {
	t.Parallel()
	text := "{\"source\": [\"shop\"],\n \"detail\": {}}"
	_, err := pattern.Compile([]byte(text))
	want := "Event pattern is not valid. Reason: Empty objects are not allowed\n" +
		" at [Source: (String)\"" + text + "\"; line: 2, column: 14]"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func FuzzPattern(f *testing.F) {
	f.Add(`{"a": [{"prefix": "x"}, 1, null]}`, `{"a": ["xy", {"b": 1}]}`)
	f.Add(`{"a": {"$or": [{"b": [{"numeric": [">", 1, "<", 3]}]}, {"c": [{"anything-but": {"wildcard": ["*x*"]}}]}]}}`, `{"a":{"b":2}}`)
	f.Add(`{"a": [{"cidr": "10.0.0.0/8"}], "b": [{"exists": false}]}`, `{"a":"10.1.1.1"}`)
	f.Fuzz(func(t *testing.T, text, event string) {
		p, err := pattern.Compile([]byte(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "Event pattern is not valid. Reason: ") {
				t.Errorf("error %q", err)
			}
			return
		}
		p.Match([]byte(event))
	})
}
