package foreign

import (
	"io"

	"github.com/rashomon-harness/rashomon/history/edn"
)

// readEDN reads maps, one after another or in vectors.
func (l *loader) readEDN(src io.Reader) error {
	r := edn.NewReader(src, edn.Limits{})
	var rec record
	for {
		v, err := r.Element()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := rec.fill(&v); err != nil {
			return err
		}
		if err := l.add(&rec); err != nil {
			return err
		}
	}
}
