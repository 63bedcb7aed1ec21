package dev.footbridge.bridge;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.equivalentTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameStartingWith;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import dev.footbridge.Footbridge;
import java.util.stream.Stream;

/** The bridge knows the core, feeds know the transports, the programs know all; never back. */
@AnalyzeClasses(
    packages = "dev.footbridge",
    importOptions = {DoNotIncludeTests.class, ArchitectureTest.NoTestJars.class})
class ArchitectureTest {
  /** What other modules lend to tests is no part of the program. */
  static final class NoTestJars implements ImportOption {
    @Override
    public boolean includes(Location location) {
      return !location.contains("-tests.jar");
    }
  }

  private static final String ROOT = "dev.footbridge.";
  private static final String[] CORE = {
    "auth", "config", "endpoint", "http", "io", "node", "session", "stream", "websocket", "wire"
  };
  private static final String[] PROGRAMS = {"server", "demo", "doctor", "cli"};

  @ArchTest
  static final ArchRule transports_know_sessions_and_nothing_of_channels =
      classes()
          .that()
          .resideInAPackage(ROOT + "bridge.transport..")
          .should()
          .onlyDependOnClassesThat(oursOnlyOf("bridge.transport"));

  @ArchTest
  static final ArchRule feeds_stand_on_the_transports_and_the_hub =
      classes()
          .that()
          .resideInAPackage(ROOT + "bridge.feed..")
          .should()
          .onlyDependOnClassesThat(
              oursOnlyOf("bridge.feed", "bridge.transport", "channelapi", "hub", "store"));

  @ArchTest
  static final ArchRule transports_know_no_feeds =
      noClasses()
          .that()
          .resideInAPackage(ROOT + "bridge.transport..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(ROOT + "bridge.feed..", ROOT + "bridge");

  @ArchTest
  static final ArchRule nobody_below_knows_the_programs =
      noClasses()
          .that()
          .resideInAnyPackage(of("bridge"))
          .or()
          .resideInAnyPackage(of(CORE))
          .or()
          .resideInAnyPackage(of("hub", "store", "channelapi"))
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(of(PROGRAMS));

  @ArchTest
  static final ArchRule the_server_knows_no_program =
      noClasses()
          .that()
          .resideInAPackage(ROOT + "server..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(of("demo", "doctor", "cli"));

  @ArchTest
  static final ArchRule the_doctor_stands_outside =
      classes()
          .that()
          .resideInAPackage(ROOT + "doctor..")
          .should()
          .onlyDependOnClassesThat(
              DescribedPredicate.not(resideInAPackage("dev.footbridge.."))
                  .or(resideInAPackage(ROOT + "doctor..")));

  @ArchTest
  static final ArchRule nobody_knows_the_command_line =
      noClasses()
          .that()
          .resideOutsideOfPackage(ROOT + "cli..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage(ROOT + "cli..");

  @ArchTest
  static final ArchRule nobody_within_uses_the_embedding =
      noClasses()
          .that(DescribedPredicate.not(nameStartingWith(Footbridge.class.getName())))
          .should()
          .dependOnClassesThat(
              equivalentTo(Footbridge.class)
                  .or(nameStartingWith(Footbridge.class.getName() + "$")));

  @ArchTest
  static final ArchRule packages_have_no_cycles =
      slices().matching("dev.footbridge.(**)").should().beFreeOfCycles();

  /** Classes of others, and ours of the core and of these packages. */
  private static DescribedPredicate<JavaClass> oursOnlyOf(String... names) {
    String[] known = Stream.concat(Stream.of(CORE), Stream.of(names)).toArray(String[]::new);
    return DescribedPredicate.not(resideInAPackage("dev.footbridge.."))
        .or(resideInAnyPackage(of(known)));
  }

  private static String[] of(String... names) {
    return Stream.of(names).map(name -> ROOT + name + "..").toArray(String[]::new);
  }
}
