package container
import ("testing";"context";"time";"fmt")
func TestZZ(t *testing.T) {
	lab := openLab(t)
	ctx := context.Background()
	nodes := []string{"n1","n2","n3","n4","n5"}
	b := time.Now()
	p := func(s string) { fmt.Println(s, time.Since(b)); b = time.Now() }
	d, err := lab.engine.Network(ctx, nodes, Options{AgentImage: lab.agent}); must(t, err)
	defer func() { b = time.Now(); d.Close(); p("close") }()
	p("network")
	ns, err := d.admit(lab.pods(nodes...)); must(t, err)
	must(t, d.provide(ctx, lab.pods(nodes...))); p("provide")
	must(t, each(ns, func(n *node) error { return d.makeHolder(ctx, n, quickHealing) })); p("make holders")
	must(t, each(ns, func(n *node) error { return d.engine.start(ctx, n.holder) })); p("start holders")
	must(t, each(ns, func(n *node) error { return d.meetAgent(ctx, n) })); p("agents")
	must(t, each(ns, func(n *node) error { return d.makeDatabase(ctx, n) })); p("make db")
	must(t, each(ns, func(n *node) error { return d.engine.start(ctx, n.data) })); p("start db")
	must(t, each(ns, func(n *node) error { return d.await(ctx, n.data, func(ctx context.Context) error { return answers(d)(ctx, n.name)}) })); p("ready")
}
