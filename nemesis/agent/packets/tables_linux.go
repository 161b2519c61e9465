//go:build linux

package packets

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
)

// tables is our tables in one network namespace.
type tables struct {
	namespace *os.File // nil for the process's own
	// The families that have a table of ours, since they once needed one.
	families map[nftables.TableFamily]bool
}

func newTables(namespace *os.File) tables {
	return tables{namespace: namespace, families: map[nftables.TableFamily]bool{}}
}

// connect returns a connection for a few requests; it opens a socket for each.
func (t *tables) connect() (*nftables.Conn, error) {
	// The kernel answers every rule of a transaction before the first answer is read.
	const answers = 8 << 20
	options := []nftables.ConnOption{nftables.WithSockOptions(func(c *netlink.Conn) error {
		return errors.Join(c.SetReadBuffer(answers), c.SetWriteBuffer(answers))
	})}
	if t.namespace != nil {
		options = append(options, nftables.WithNetNSFd(int(t.namespace.Fd())))
	}
	c, err := nftables.New(options...)
	if err != nil {
		return nil, fmt.Errorf("nftables: %w", err)
	}
	return c, nil
}

// install makes our tables consist of these chains, in one transaction.
func (t *tables) install(chains []chain) error {
	c, err := t.connect()
	if err != nil {
		return err
	}
	made := map[nftables.TableFamily]*nftables.Table{}
	for _, want := range chains {
		if want.family != nftables.TableFamilyINet && len(want.lines) == 0 && !t.families[want.family] {
			continue
		}
		table := made[want.family]
		if table == nil {
			table = c.AddTable(&nftables.Table{Family: want.family, Name: tableName})
			c.FlushTable(table)
			made[want.family] = table
		}
		at := c.AddChain(&nftables.Chain{Table: table, Name: want.name, Type: nftables.ChainTypeFilter,
			Hooknum: want.hook, Priority: &want.priority})
		for _, l := range want.lines {
			c.AddRule(&nftables.Rule{Table: table, Chain: at, Exprs: l.exprs, UserData: comment(l.tag)})
		}
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("nftables: %w", inWords(err))
	}
	for family := range made {
		t.families[family] = true
	}
	return nil
}

// remove deletes our tables, whoever made them, in one transaction.
func (t *tables) remove() error {
	c, err := t.connect()
	if err != nil {
		return err
	}
	all, err := c.ListTables()
	if err != nil {
		return fmt.Errorf("nftables: list of tables: %w", err)
	}
	for _, table := range all {
		if table.Name == tableName {
			c.DelTable(table)
		}
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("nftables: table %s cannot be deleted: %w", tableName, inWords(err))
	}
	clear(t.families)
	return nil
}

// counters returns the counters by tag.
func (t *tables) counters() (map[string]expr.Counter, error) {
	c, err := t.connect()
	if err != nil {
		return nil, err
	}
	counters := map[string]expr.Counter{}
	table := &nftables.Table{Family: nftables.TableFamilyINet, Name: tableName}
	for _, name := range []string{chainArrive, chainRefuse, chainLeave} {
		rules, err := c.GetRules(table, &nftables.Chain{Name: name})
		if err != nil {
			return nil, fmt.Errorf("nftables: rules of chain %s: %w", name, err)
		}
		for _, r := range rules {
			for _, e := range r.Exprs {
				if counter, ok := e.(*expr.Counter); ok {
					counters[commented(r.UserData)] = *counter
				}
			}
		}
	}
	return counters, nil
}

// comment puts a tag where nft shows it as the rule's comment: type, length, text with a zero at the end.
func comment(tag string) []byte {
	if tag == "" {
		return nil
	}
	return append([]byte{0, byte(len(tag) + 1)}, tag+"\x00"...)
}

// commented returns the tag of a comment.
func commented(data []byte) string {
	if len(data) < 2 {
		return ""
	}
	return strings.TrimSuffix(string(data[2:]), "\x00")
}
