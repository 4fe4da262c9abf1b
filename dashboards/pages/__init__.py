"""Pages: the layout and the callbacks of one page each. Text from the store is only ever shown as text."""
