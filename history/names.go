package history

// nameCache finds strings that were met before by a glance at them, which is several times faster than
// a map: a record has the same few names over and over.
type nameCache [256]string

// slot returns the place of a name in a nameCache.
func slot[T string | []byte](name T) uint8 {
	n := len(name)
	if n == 0 {
		return 0
	}
	return uint8(n)*31 + name[0] + name[n-1]*7 + name[n/2]*13
}

// names numbers strings in the order of their first use.
type names struct {
	table[string]
	recent [256]int32 // the number of the string met last at a slot, plus one
}

// number returns the number of name, a new one when it was not seen before.
func (t *names) number(name string) int32 {
	at := &t.recent[slot(name)]
	if n := *at; n > 0 && t.list[n-1] == name {
		return n - 1
	}
	n := t.table.number(name)
	*at = n + 1
	return n
}
