// The part of GOV.UK Frontend in use; the package carries no types of its own.
declare module "govuk-frontend" {
  export interface ComponentClass {
    readonly moduleName: string;
    new (root: HTMLElement): unknown;
  }
  export const Button: ComponentClass;
  export const ErrorSummary: ComponentClass;
  export const PasswordInput: ComponentClass;
  export const SkipLink: ComponentClass;
  export function createAll(component: ComponentClass): void;
}
