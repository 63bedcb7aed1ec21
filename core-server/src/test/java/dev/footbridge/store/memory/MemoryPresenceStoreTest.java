package dev.footbridge.store.memory;

import dev.footbridge.store.PresenceStore;
import dev.footbridge.store.PresenceStoreContract;

class MemoryPresenceStoreTest extends PresenceStoreContract {
  @Override
  protected PresenceStore open() {
    return new MemoryPresenceStore();
  }
}
