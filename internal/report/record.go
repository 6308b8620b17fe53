package report

import "time"

// places knows the places of the columns of the tables, by view and name.
type places map[string]map[string]int

func placesOf(tables ...table) places {
	p := places{}
	for _, t := range tables {
		p.add(t.View, t.names())
	}
	return p
}

func (p places) add(view string, columns []string) {
	p[view] = map[string]int{}
	for i, name := range columns {
		p[view][name] = i
	}
}

func (p places) record(view string, row []any) record { return record{row, p[view]} }

// record reads a row by the names of its columns; what is not given is the zero value.
type record struct {
	row    []any
	places map[string]int
}

func (r record) text(name string) string    { return value[string](r, name) }
func (r record) number(name string) int64   { return value[int64](r, name) }
func (r record) time(name string) time.Time { return value[time.Time](r, name) }

func value[T any](r record, name string) T {
	v, _ := r.row[r.places[name]].(T)
	return v
}
