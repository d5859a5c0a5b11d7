package value

// Member is one name and value of an object.
type Member struct {
	Key   string
	Value any
}

// Object is a JSON object that keeps the order in which its members were first set.
type Object struct {
	members []Member
	index   map[string]int // built once there are enough members for it to pay
}

const indexFrom = 12

// NewObject is an empty object with room for size members.
func NewObject(size int) *Object { return &Object{members: make([]Member, 0, size)} }

// ObjectOf is an object of these members.
func ObjectOf(members ...Member) *Object {
	o := NewObject(len(members))
	for _, m := range members {
		o.Set(m.Key, m.Value)
	}
	return o
}

// Len is the number of members.
func (o *Object) Len() int { return len(o.members) }

// Members are all members in order; not to be changed.
func (o *Object) Members() []Member { return o.members }

func (o *Object) find(key string) int {
	if o.index != nil {
		if i, ok := o.index[key]; ok {
			return i
		}
		return -1
	}
	for i := range o.members {
		if o.members[i].Key == key {
			return i
		}
	}
	return -1
}

// Get gives the member's value and whether there is one.
func (o *Object) Get(key string) (any, bool) {
	if i := o.find(key); i >= 0 {
		return o.members[i].Value, true
	}
	return nil, false
}

// Set adds or replaces a member. Only for the maker of an object, before anybody else sees it.
func (o *Object) Set(key string, v any) {
	if i := o.find(key); i >= 0 {
		o.members[i].Value = v
		return
	}
	o.members = append(o.members, Member{key, v})
	switch {
	case o.index != nil:
		o.index[key] = len(o.members) - 1
	case len(o.members) >= indexFrom:
		o.index = make(map[string]int, 2*len(o.members))
		for i := range o.members {
			o.index[o.members[i].Key] = i
		}
	}
}

// With is a copy of the object with one member set.
func (o *Object) With(key string, v any) *Object {
	c := NewObject(len(o.members) + 1)
	for _, m := range o.members {
		c.Set(m.Key, m.Value)
	}
	c.Set(key, v)
	return c
}

// MarshalJSON gives the object's compact text.
func (o *Object) MarshalJSON() ([]byte, error) { return Text(o), nil }
